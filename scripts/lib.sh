# shellcheck shell=bash
# shellcheck disable=SC2034
# What every script here shares: progress lines, clean ends, the repository's root.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/moqrtc

# Progress goes to standard error, so that standard output stays what a script is asked for.
step() { printf '[%4ds] %s\n' "$SECONDS" "$*" >&2; }
note() { printf '        %s\n' "$*" >&2; }
fail() { # status message...
    local status=$1
    shift
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    shift
    [ $# -eq 0 ] || printf '        %s\n' "$@" >&2
    exit "$status"
}

# Compilers take about 1.5 GB each on the large sources: never more jobs than memory has room for.
jobs_that_fit() {
    local cores memory
    cores=$(nproc)
    memory=$(awk '/^MemAvailable:/ { print int($2 / 1500000) }' /proc/meminfo 2>/dev/null || echo "$cores")
    [ "$memory" -ge 1 ] || memory=1
    echo $((cores < memory ? cores : memory))
}

# Runs a command with its output in a log; when it fails, its last lines are shown.
logged() { # log-file command...
    local log=$1
    shift
    mkdir -p "$(dirname "$log")"
    if ! "$@" >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        note "the whole log: $log"
        return 1
    fi
}

# Like logged, with a heartbeat every 20 s, so that a long step is not taken for a hang.
logged_long() { # log-file text command...
    local log=$1 text=$2 beat status=0
    shift 2
    (while sleep 20; do step "$text: still at work"; done) &
    beat=$!
    logged "$log" "$@" || status=$?
    kill "$beat" 2>/dev/null || true
    wait "$beat" 2>/dev/null || true
    return "$status"
}

# The newest Clang from 19 up that is on this machine: its suffix as in clang++-19.
clang_version() {
    local v
    for v in 19 20 21 22 23; do
        if command -v "clang++-$v" >/dev/null 2>&1; then
            echo "$v"
            return 0
        fi
    done
    return 1
}
