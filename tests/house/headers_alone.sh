#!/usr/bin/env bash
# Fails when a public header does not compile alone.
#
#   tests/house/headers_alone.sh [ROOT]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "${1:-$here/../..}" && pwd)
source "$here/files.sh"

flags=(-std=gnu17 -D_GNU_SOURCE= -fsyntax-only -x c -I "$root/include" -Wall -Wextra -Wpedantic
    -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wundef -Werror)

findings=""
count=0
while IFS= read -r header; do
    [[ $header == include/* ]] || continue
    count=$((count + 1))
    if ! message=$(printf '#include <%s>\n' "${header#include/}" |
        "${CC:-gcc}" "${flags[@]}" - 2>&1); then
        findings+="${findings:+$'\n'}$header does not compile alone:"$'\n'"$message"
    fi
done < <(house_files "$root" '*.h')
house_verdict headers_alone "$findings" "$count headers"
