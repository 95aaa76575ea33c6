# The data of scripts/quickstart and the server that may hold it. Sourced after common.sh, not run.
# shellcheck shell=bash

home=${COFFER_QUICKSTART:-$root/.quickstart}
data=$home/data
coffer=$root/build/release/coffer

# Whether a process is this program serving this data: the number in a file may be another's by now.
is_our_server() {
    local pid=$1 program word

    [[ $pid =~ ^[1-9][0-9]*$ ]] || return 1
    program=$(readlink "/proc/$pid/exe" 2>/dev/null) || return 1
    # A program that was built anew since is "… (deleted)".
    [ "${program% (deleted)}" = "$(readlink -f "$coffer")" ] || return 1
    while IFS= read -r -d '' word; do
        [ "$word" != "$data" ] || return 0
    done <"/proc/$pid/cmdline"
    return 1
}

# The process of the server that an earlier run left, or nothing.
tour_server() {
    local pid

    pid=$(cat "$home/server.pid" 2>/dev/null) || return 0
    if is_our_server "$pid"; then
        printf '%s\n' "$pid"
    fi
}

data_is_free() {
    [ ! -e "$data/lock" ] || flock -n "$data/lock" true
}

# The process that holds the data, where the system tells.
data_holder() {
    awk -v inode="$(stat -c %i "$data/lock")" \
        '$2 == "FLOCK" && $6 ~ ":" inode "$" { print $5; exit }' /proc/locks 2>/dev/null || true
}
