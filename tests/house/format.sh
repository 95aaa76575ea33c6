#!/usr/bin/env bash
# Fails when a C or C++ file is not as clang-format would write it.
#
#   tests/house/format.sh [ROOT]
#
# To mend them: clang-format -i FILE…
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "${1:-$here/../..}" && pwd)
source "$here/files.sh"

cd "$root"
files=$(house_files "$root" '*.c' '*.h' '*.cc' '*.cu' '*.cuh')
findings=$(printf '%s\n' "$files" |
    xargs -r -d '\n' -n 16 -P 2 clang-format --dry-run -Werror 2>&1 |
    sed -nE 's/^([^ :]+):[0-9]+:[0-9]+: error: .*/\1: not as clang-format writes it/p' | sort -u || true)
house_verdict format "$findings" "$(printf '%s\n' "$files" | grep -c .) files"
