#!/usr/bin/env bash
# Fails when a folder uses another that the floors table of docs/architecture.md does not give it.
#
#   tests/house/floors.sh [ROOT]
#
# It looks at include lines (ours and those of outside libraries), at MAY_USE in each CMakeLists.txt,
# and at the table itself: a folder may use lower floors only.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=${1:-$here/../..}
source "$here/files.sh"

table=$root/docs/architecture.md
findings=""

find_fault() {
    findings+="${findings:+$'\n'}$1"
}

# folder -> floor, the folders it may use, its outside libraries
declare -A floor=() uses=() libraries=() place=()
while IFS='|' read -r _ number path _ may outside _; do
    number=${number// /}
    [[ $number =~ ^[0-9]+$ ]] || continue
    path=${path// /}
    folder=${path##*/}
    floor[$folder]=$number
    place[$folder]=$path
    uses[$folder]=" ${may//–/} "
    libraries[$folder]=$outside
done <"$table"
if [ ${#floor[@]} -eq 0 ]; then
    printf 'floors: %s has no floors table\n' "$table"
    exit 1
fi

for folder in "${!floor[@]}"; do
    if [[ ${uses[$folder]} == *" all "* ]]; then
        uses[$folder]=" ${!floor[*]} "
        continue
    fi
    for used in ${uses[$folder]}; do
        if [ -z "${floor[$used]:-}" ]; then
            find_fault "the table: $folder may use '$used', which is no folder"
        elif [ "${floor[$used]}" -ge "${floor[$folder]}" ]; then
            find_fault "the table: $folder (floor ${floor[$folder]}) may use $used (floor ${floor[$used]})"
        fi
    done
done

# The library in the words of the table, for an outside header that belongs to one folder.
library_of() {
    case $1 in
    lmdb.h) echo LMDB ;;
    openssl/*) echo OpenSSL ;;
    event2/* | event.h | evhttp.h) echo libevent ;;
    llhttp.h) echo llhttp ;;
    cJSON.h | cjson/*) echo cJSON ;;
    unicode/*) echo ICU ;;
    curl/*) echo libcurl ;;
    faiss/*) echo Faiss ;;
    sentencepiece*) echo sentencepiece ;;
    dnnl* | oneapi/dnnl/*) echo oneDNN ;;
    llama.h | ggml*.h | gguf.h) echo llama.cpp ;;
    gumbo.h | seccomp.h | libxml/* | archive.h | archive_entry.h) echo parsers ;;
    roaring/*) echo CRoaring ;;
    libstemmer.h) echo libstemmer ;;
    zstd.h) echo zstd ;;
    cuda*.h | cublas*.h) echo CUDA ;;
    esac
}

# The folder that a source file belongs to; nothing for tests, benchmarks and the rest.
folder_of() {
    local path=$1 folder

    case $path in
    include/cof/*/*)
        folder=${path#include/cof/}
        echo "${folder%%/*}"
        ;;
    src/*/*)
        folder=${path#src/}
        echo "${folder%%/*}"
        ;;
    api/* | embedder/* | index/*) echo "${path%%/*}" ;;
    esac
}

check_include() {
    local file=$1 line=$2 folder=$3 header=$4 quoted=$5 used library

    if [ "$quoted" = '"' ] && [[ $header == *../* ]]; then
        find_fault "$file:$line: \"$header\" reaches into another folder; private headers stay at home"
        return
    fi
    if [[ $header == cof/* ]]; then
        used=${header#cof/}
        used=${used%%/*}
        if [ -z "${floor[$used]:-}" ]; then
            find_fault "$file:$line: <$header>: '$used' is not in the floors table"
        elif [ "$used" != "$folder" ] && [[ ${uses[$folder]} != *" $used "* ]]; then
            find_fault "$file:$line: $folder may not use $used (<$header>)"
        fi
        return
    fi
    library=$(library_of "$header")
    if [ -n "$library" ] && [[ ${libraries[$folder]} != *"$library"* ]]; then
        find_fault "$file:$line: $folder may not know $library (<$header>)"
    elif [ "$library" = CUDA ] && [[ $file != embedder/cuda/* ]]; then
        find_fault "$file:$line: only embedder/cuda may know CUDA (<$header>)"
    fi
}

count=0
pattern='^[[:space:]]*#[[:space:]]*include[[:space:]]*([<"])([^>"]+)[>"]'
while IFS= read -r file; do
    folder=$(folder_of "$file")
    if [ -n "$folder" ] && [ -z "${floor[$folder]:-}" ]; then
        find_fault "$file: '$folder' is not in the floors table"
        continue
    fi
    count=$((count + 1))
    while IFS=: read -r line text; do
        [[ $text =~ $pattern ]] || continue
        quoted=${BASH_REMATCH[1]}
        header=${BASH_REMATCH[2]}
        if [ "$header" = cmocka.h ] && [ "$file" != tests/support/testing.h ]; then
            find_fault "$file:$line: cmocka comes through tests/support/testing.h only"
        fi
        if [ -n "$folder" ]; then
            check_include "$file" "$line" "$folder" "$header" "$quoted"
        fi
    done < <(grep -nE '^[[:space:]]*#[[:space:]]*include' "$root/$file" || true)
done < <(house_files "$root" '*.c' '*.h' '*.cc' '*.cu' '*.cuh')

for folder in "${!place[@]}"; do
    list=$root/${place[$folder]}/CMakeLists.txt
    [ -f "$list" ] || continue
    may=$(sed 's/#.*//' "$list" | tr '\n()' '  )' | grep -oE "MAY_USE( +[a-z]+)+" | sed 's/MAY_USE//' || true)
    for used in $may; do
        if [[ ${uses[$folder]} != *" $used "* ]]; then
            find_fault "${place[$folder]}/CMakeLists.txt: $folder may not use $used"
        fi
    done
done

house_verdict floors "$findings" "$count files"
