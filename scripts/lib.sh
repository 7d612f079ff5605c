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

# Runs a function every 20 s until it is killed, and leaves no sleeping child behind.
every_20_s() { # function args...
    local nap
    trap 'kill "$nap" 2>/dev/null; exit 0' TERM
    while :; do
        sleep 20 &
        nap=$!
        wait "$nap"
        "$@"
    done
}

# Runs a command with its output in a log and says every 20 s how far it is.
watched() { # log-file function-that-says command...
    local log=$1 say=$2 beat status=0
    shift 2
    mkdir -p "$(dirname "$log")"
    every_20_s "$say" >/dev/null &
    beat=$!
    "$@" >"$log" 2>&1 || status=$?
    kill "$beat" 2>/dev/null || true
    wait "$beat" 2>/dev/null || true
    return $status
}

# Like logged, for compiling under $work.
# shellcheck disable=SC2154 # set by who builds
logged_long() { # log-file text command...
    local log=$1 text=$2
    shift 2
    say_files() { step "$text: $(find "$work" -name '*.o' | wc -l) files compiled"; }
    watched "$log" say_files "$@" || {
        tail -n 40 "$log" >&2
        note "the whole log: $log"
        return 1
    }
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

# Installs and builds what the groups need; afterwards $stack is the prefix of the QUIC stack.
bootstrap() { # group...
    stack=$("$root/scripts/bootstrap" "$@") || exit $?
}

# Configures a preset. Clang presets take the newest Clang from 19 up that is there.
configure() { # preset cmake-options...
    local preset=$1 version
    shift
    case $preset in
    clang | fuzz | *-clang)
        version=$(clang_version) || fail 2 "no clang++-19 or newer on this machine" "run: scripts/bootstrap fuzz"
        set -- "-DCMAKE_CXX_COMPILER=clang++-$version" "$@"
        ;;
    esac
    step "$preset: configure"
    (cd "$root" && logged "build/$preset/log/configure.log" cmake --preset "$preset" "-DMOQRTC_DEPS=${stack:-}" "$@") ||
        fail 1 "configuring '$preset' failed"
}

# Builds a preset's targets (all without one), with a line of progress every 20 s.
build() { # preset target...
    local preset=$1 log
    shift
    log=$root/build/$preset/log/build.log
    step "$preset: build ${*:-everything}"
    say_steps() { step "$preset: build $(grep -oE '^\[[0-9]+/[0-9]+\]' "$log" | tail -n 1)"; }
    NINJA_STATUS='[%f/%t] ' watched "$log" say_steps ninja -C "$root/build/$preset" -j"$(jobs_that_fit)" -k 5 "$@" || {
        sed -n '/^FAILED:/,$p' "$log" | grep -vE '^\[[0-9]+/[0-9]+\]' | head -n 60 >&2
        fail 1 "building '$preset' failed" "the whole log: $log"
    }
}

# Runs a preset's tests two at a time. Passing tests make one line that moves on a terminal and a
# line per tenth elsewhere; failures are shown whole, and ctest's closing lines as they are.
run_tests() { # preset ctest-options...
    local preset=$1 status=0 terminal=0
    shift
    [ ! -t 1 ] || terminal=1
    step "$preset: test"
    ctest --test-dir "$root/build/$preset" -j2 --output-on-failure --no-tests=error --timeout 300 "$@" 2>&1 |
        awk -v terminal=$terminal '
            function clear() { if (shown) printf "\r\033[K"; shown = 0 }
            /^(Internal ctest|Test project|[ \t]*Start +[0-9]+:)/ { next }
            /^\[( RUN  |       OK|-----|=====| SKIPPED)/ || /: Skipped$/ { skip = /: Skipped$/; next }
            skip { skip = 0; next } # the reason, which is counted below
            /^ *[0-9]+\/[0-9]+ +Test +#.*(Passed|\*\*\*Skipped)/ {
                split($1, part, "/")
                if (terminal) { printf "\r\033[K        %s %s", $1, $4; shown = 1 }
                else if (int(part[1] * 10 / part[2]) > tenth) {
                    tenth = int(part[1] * 10 / part[2]); printf "        %s tests done\n", $1
                }
                fflush(); next
            }
            { clear(); print; fflush() }' || status=$?
    # Why tests were skipped: `skipped: reason` of the tools, the line after googletest's own mark.
    awk '/^skipped: / { sub(/^skipped: /, ""); print } /: Skipped$/ { getline; print }' \
        "$root/build/$preset/Testing/Temporary/LastTest.log" 2>/dev/null | sort | uniq -c |
        sed -E 's/^ *([0-9]+) (.*)/        skipped \1: \2/' || true
    return $status
}
