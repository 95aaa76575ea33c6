#!/usr/bin/env bash
# Fails when a file names a place on one machine, or the host of a package registry.
#
#   tests/house/paths.sh [ROOT]
#
# Both break elsewhere: paths on the next machine, hosts where a mirror stands in for the registry.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "${1:-$here/../..}" && pwd)
source "$here/files.sh"

home='(^|[^A-Za-z0-9_.$}~/-])/(work|root|home/[a-z0-9]+)/'
host='(crates|npmjs|pypi|pythonhosted|(deb|security)\.debian|proxy\.golang|repo[0-9]?\.maven)\.(io|org|com)'

cd "$root"
files=$(house_files "$root" '*')
findings=$(printf '%s\n' "$files" | xargs -r -d '\n' grep -nIE "$home|$host" /dev/null || true)
house_verdict paths "$findings" "$(printf '%s\n' "$files" | grep -c .) files"
