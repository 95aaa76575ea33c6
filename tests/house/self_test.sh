#!/usr/bin/env bash
# Proves that each house check can fail: every sample below breaks one rule, and must be found.
#
# The samples are written to a temporary folder, so that nothing bad stands in the tree.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
sample=$(mktemp -d)
trap 'rm -rf "$sample"' EXIT
failures=0
cases=0

# A small clean tree.
begin() {
    rm -rf "$sample/tree"
    mkdir -p "$sample/tree/docs" "$sample/tree/src/base" "$sample/tree/src/store" \
        "$sample/tree/api" "$sample/tree/include/cof/base" "$sample/tree/include/cof/store"
    cp "$repository/docs/architecture.md" "$sample/tree/docs/"
    cp "$repository/.clang-format" "$sample/tree/"
    put include/cof/base/text.h 'int cof_text(void);'
    put include/cof/store/store.h '#include <cof/base/text.h>' 'int cof_store(void);'
    put src/store/store.c '#include <cof/store/store.h>' '#include <lmdb.h>'
    put src/store/CMakeLists.txt 'cof_module(store SOURCES store.c MAY_USE keys' '  base)'
    put api/api.c '/* printf("x") is only spoken of here */' 'const char *text = "gets(x)";'
}

put() {
    local file=$sample/tree/$1
    shift
    mkdir -p "$(dirname "$file")"
    printf '%s\n' "$@" >"$file"
}

expect_pass() {
    local check=$1

    cases=$((cases + 1))
    if ! "$here/$check.sh" "$sample/tree" >"$sample/output" 2>&1; then
        failures=$((failures + 1))
        printf '%s found something in a clean tree:\n' "$check"
        cat "$sample/output"
    fi
}

expect_fault() {
    local check=$1 words=$2

    cases=$((cases + 1))
    if "$here/$check.sh" "$sample/tree" >"$sample/output" 2>&1; then
        failures=$((failures + 1))
        printf '%s did not find: %s\n' "$check" "$words"
    elif ! grep -qF -- "$words" "$sample/output"; then
        failures=$((failures + 1))
        printf '%s failed without saying: %s\n' "$check" "$words"
        cat "$sample/output"
    fi
}

begin
for check in floors banned headers_alone format paths; do
    expect_pass "$check"
done

begin
put src/store/bad.c '#include <cof/search/search.h>'
expect_fault floors 'store may not use search'
begin
put include/cof/base/bad.h '#include <cof/store/store.h>'
expect_fault floors 'base may not use store'
begin
put api/bad.c '#include <lmdb.h>'
expect_fault floors 'api may not know LMDB'
begin
put embedder/cuda/fine.cu '#include <cuda_fp16.h>'
put embedder/bad.c '#include <cuda_runtime_api.h>'
expect_fault floors 'only embedder/cuda may know CUDA'
begin
put index/bad.cu '#include <cublasLt.h>'
expect_fault floors 'index may not know CUDA'
begin
put embedder/cuda/bad.cu '#include <cof/store/store.h>'
expect_fault floors 'embedder may not use store'
begin
put src/store/bad.c '  #  include <openssl/evp.h>'
expect_fault floors 'store may not know OpenSSL'
begin
put src/store/bad.c '#include "../base/private.h"'
expect_fault floors 'reaches into another folder'
begin
put src/attic/new.c 'int x;'
expect_fault floors "'attic' is not in the floors table"
begin
put tests/unit/test_x.c '#include <cmocka.h>'
expect_fault floors 'cmocka comes through'
begin
put src/store/CMakeLists.txt 'cof_module(store SOURCES store.c' '  MAY_USE base' '  service)'
expect_fault floors 'store may not use service'
begin
sed -i 's/^| 1 | src\/base \(.*\) | – | cJSON/| 1 | src\/base \1 | store | cJSON/' \
    "$sample/tree/docs/architecture.md"
expect_fault floors 'base (floor 1) may use store (floor 3)'
begin
printf 'no table\n' >"$sample/tree/docs/architecture.md"
expect_fault floors 'has no floors table'

for name in strcpy strcat sprintf vsprintf strtok atoi gets alloca rand localtime gmtime; do
    begin
    put tests/unit/bad.c "void f(void) { $name (x); }"
    expect_fault banned 'banned everywhere'
done
for name in malloc realloc strdup fopen printf; do
    begin
    put src/store/bad.c "void *x = $name(1);"
    expect_fault banned 'banned outside src/base'
    begin
    put src/base/fine.c "void *x = $name(1);"
    expect_pass banned
done
begin
put embedder/cuda/bad.cu 'void *x = malloc(1);'
expect_fault banned 'banned outside src/base'
begin
put embedder/cuda/bad.cuh 'void f(void) { sprintf (x); }'
expect_fault banned 'banned everywhere'
begin
put src/store/fine.c 'int x = my_malloc(1) + cof_rand(2) + snprintf(b, 1, "malloc(") + ops->printf(3);'
expect_pass banned

begin
put include/cof/store/bad.h 'size_t cof_bad(void);'
expect_fault headers_alone 'include/cof/store/bad.h does not compile alone'

begin
put src/store/bad.c 'int  x ;'
expect_fault format 'src/store/bad.c'

begin
put embedder/cuda/bad.cu 'int  x ;'
expect_fault format 'embedder/cuda/bad.cu'

begin
put docs/bad.md "see /$(printf work)/main/file"
expect_fault paths 'docs/bad.md:1'
begin
put docs/bad.md "the file /$(printf root)/.profile"
expect_fault paths 'docs/bad.md:1'
begin
put scripts/bad "curl https://py$(printf pi).org/simple"
expect_fault paths 'scripts/bad:1'

if [ "$failures" -gt 0 ]; then
    printf 'self_test: %d of %d cases FAILED\n' "$failures" "$cases"
    exit 1
fi
printf 'self_test: %d cases\n' "$cases"
