# What the scripts share: where things lie, one line per step, and what to do when a step fails.
#
# Sourced, not run. A script sets `steps` to how many it has, calls `step` before each, and `mend`
# with the cure before anything that may fail.
# shellcheck shell=bash

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
pins=$root/third_party/pins.tsv
cache=${COFFER_CACHE:-$HOME/.cache/coffer}
prefix=$cache/$(sha256sum "$pins" | cut -c1-16)
models=${COFFER_MODELS:-$cache/models}

steps=1
step_number=0
step_name="start"
cure=""
log=""

# Names the step that begins now.
step() {
    step_number=$((step_number + 1))
    step_name=$1
    cure=""
    log=""
    printf '[%d/%d] %s\n' "$step_number" "$steps" "$step_name"
}

# Says what to do if the next command fails.
mend() {
    cure=$1
}

say() {
    printf '      %s\n' "$*"
}

on_error() {
    local status=$?

    trap - ERR
    if [ "$BASHPID" != "$$" ]; then
        exit "$status"
    fi
    {
        printf '\nFailed at step %d of %d: %s\n' "$step_number" "$steps" "$step_name"
        if [ -n "$log" ] && [ -s "$log" ]; then
            printf 'The last lines of %s:\n' "$log"
            tail -n 15 "$log" | sed 's/^/    /'
        fi
        if [ -n "$cure" ]; then
            printf 'To mend it: %s\n' "$cure"
        fi
        printf 'Then run the same command again: steps already done are skipped.\n'
    } >&2
    exit "$status"
}
trap on_error ERR
set -E

# Ends the script with a message, in the form of a failed step.
give_up() {
    printf '%s\n' "$*" >&2
    false
}

# Runs a long command with its output in a log, and shows that it is alive: its newest line on a
# terminal, a line every half minute elsewhere.
run_logged() {
    local file=$1 pid status=0 start=$SECONDS shown=$SECONDS
    shift

    mkdir -p "$(dirname "$file")"
    log=$file
    "$@" >"$file" 2>&1 </dev/null &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        if [ -t 1 ]; then
            printf '\r\033[K      %4d s  %s' "$((SECONDS - start))" \
                "$(tail -n 1 "$file" | tr -d '\r' | cut -c1-80)"
        elif [ $((SECONDS - shown)) -ge 30 ]; then
            shown=$SECONDS
            printf '      %4d s  %s\n' "$((SECONDS - start))" "$(tail -n 1 "$file" | cut -c1-80)"
        fi
        sleep 0.5
    done
    if [ -t 1 ]; then
        printf '\r\033[K'
    fi
    wait "$pid" || status=$?
    if [ "$status" -eq 0 ]; then
        say "done in $((SECONDS - start)) s"
        log=""
    fi
    return "$status"
}

has_sha256() {
    [ -f "$1" ] && [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$2" ]
}

check_sha256() {
    if ! has_sha256 "$1" "$2"; then
        mend "delete $1 and try again; if it stays wrong, the package was changed after it was pinned"
        give_up "$1 does not have the pinned SHA-256 $2"
    fi
}

# The n-th column of the pin table's row for a name.
pin() {
    awk -F'\t' -v name="$1" -v column="$2" '$1 == name { print $column }' "$pins"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# Makes sure that as_root will work later, when its questions would end up in a log.
become_root() {
    if [ "$(id -u)" -eq 0 ]; then
        return
    fi
    mend "run as root, or install sudo and be allowed to use it"
    command -v sudo >/dev/null || give_up "installing system packages needs root"
    sudo -n true 2>/dev/null || sudo -v
}

# Prints those of the Debian packages named that are not installed.
missing_packages() {
    local installed package

    installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
    for package in "$@"; do
        if [[ $'\n'$installed$'\n' != *$'\n'"$package installed"$'\n'* ]]; then
            printf '%s\n' "$package"
        fi
    done
}

install_packages() {
    local missing

    if ! command -v dpkg-query >/dev/null; then
        say "this is not Debian: its packages are left to you ($*)"
        return
    fi
    missing=$(missing_packages "$@" | tr '\n' ' ')
    if [ -z "$missing" ]; then
        say "already there"
        return
    fi
    say "installing $missing"
    become_root
    mend "look at the log named above; 'apt-get update' must be able to reach Debian's packages"
    run_logged "$cache/logs/apt-update.log" as_root apt-get update
    # shellcheck disable=SC2086
    run_logged "$cache/logs/apt-install.log" as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends $missing
}
