# Lists the files that the house checks look at. Sourced, not run.
#
# In a clone: what git tracks or would track. In a folder without git (the self-test's samples, an
# unpacked release): everything but build/.
# shellcheck shell=bash

house_files() {
    local at=$1
    shift

    if [ -e "$at/.git" ]; then
        # A file that was deleted but not committed yet is still listed.
        (cd "$at" && git ls-files --cached --others --exclude-standard -- "$@" |
            while IFS= read -r file; do [ ! -f "$file" ] || printf '%s\n' "$file"; done)
    else
        (cd "$at" && for pattern in "$@"; do
            find . -path ./build -prune -o -type f -name "$pattern" -print | sed 's|^\./||'
        done)
    fi | sort -u
}

# Ends a check: silent findings are no findings.
house_verdict() {
    local name=$1 findings=$2 count=$3

    if [ -n "$findings" ]; then
        printf '%s\n' "$findings"
        printf '%s: FAILED\n' "$name"
        return 1
    fi
    printf '%s: %s looked at, nothing found\n' "$name" "$count"
}
