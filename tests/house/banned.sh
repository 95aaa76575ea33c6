#!/usr/bin/env bash
# Fails when a banned function is called.
#
#   tests/house/banned.sh [ROOT]
#
# Some are banned everywhere because they cannot be used safely; some outside src/base, because
# memory, files and output have one door each there. Tests and benchmarks may use the latter.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "${1:-$here/../..}" && pwd)
source "$here/files.sh"

never='strcpy|strcat|sprintf|vsprintf|strtok|atoi|gets|alloca|rand|localtime|gmtime'
base_only='malloc|realloc|strdup|fopen|printf|vprintf'

# A call, not a longer name that ends so, nor a member or a declaration's comment.
call_of() {
    printf '(^|[^A-Za-z0-9_.>])(%s)[[:space:]]*\\(' "$1"
}

files=$(house_files "$root" '*.c' '*.h' '*.cc' '*.cu' '*.cuh')
code=$(cd "$root" && printf '%s\n' "$files" | python3 "$here/code_only.py")
findings=$(
    printf '%s\n' "$code" | grep -E "$(call_of "$never")" | sed 's/$/    <- banned everywhere/' || true
    printf '%s\n' "$code" | grep -vE '^(src/base|include/cof/base|tests|bench)/' |
        grep -E "$(call_of "$base_only")" | sed 's/$/    <- banned outside src\/base/' || true
)
house_verdict banned "$findings" "$(printf '%s\n' "$files" | grep -c .) files"
