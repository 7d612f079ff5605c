#!/usr/bin/env python3
"""Fails on an include that points up or sideways, on a banned include, and on a file too long.

usage: tests/tools/check_layers.py [ROOT]

The floors are those of docs/architecture.md: an include points to a lower floor, stays in its own
unit, or is one of the few listed sideways steps.
"""

import re
import sys
from pathlib import Path

HEADER_LINES = 400
REFERENCE_LINES = 600

# Longest prefix wins: (path under include/moqrtc, unit, floor).
UNITS = [
    ("core/", "core", 0),
    ("json/", "json", 0),
    ("crypto/", "crypto", 0),
    ("moqt/session/", "moqt/session", 2),
    ("moqt/relay/", "moqt/relay", 3),
    ("moqt/", "moqt", 1),
    ("catalog/", "catalog", 1),
    ("loc/", "loc", 1),
    ("cmaf/", "cmaf", 1),
    ("codec/", "codec", 1),
    ("flv/", "flv", 1),
    ("ts/", "ts", 1),
    ("auth/", "auth", 1),
    ("stun/", "stun", 1),
    ("sdp/", "sdp", 1),
    ("rtp/", "rtp", 1),
    ("datachannel/", "datachannel", 1),
    ("e2ee/", "e2ee", 1),
    ("webtransport/", "webtransport", 2),
    ("ice/", "ice", 2),
    ("turn/", "turn", 2),
    ("signaling/", "signaling", 2),
    ("rtcp/", "rtcp", 2),
    ("rtmp/", "rtmp", 2),
    ("tus/", "tus", 2),
    ("bridge/", "bridge", 3),
    ("hls/", "hls", 3),
    ("call/", "call", 3),
    ("testing/", "testing", 4),
    ("moqrtc.hpp", "umbrella", 5),
    ("version.hpp", "version", 0),
]

# Steps within one floor. The container formats and the catalog stand on the codec headers.
SIDEWAYS = {
    ("core", "version"),
    ("json", "core"),
    ("crypto", "core"),
    ("turn", "stun"),
    ("ice", "stun"),
    ("signaling", "sdp"),
    ("call", "signaling"),
    ("cmaf", "codec"),
    ("loc", "codec"),
    ("flv", "codec"),
    ("ts", "codec"),
    ("catalog", "codec"),
    ("catalog", "cmaf"),
}

# No threads, clocks, files, sockets, locale or streams in the library: whoever drives it has them.
BANNED = re.compile(
    r"<(thread|mutex|shared_mutex|condition_variable|future|semaphore|barrier|latch|stop_token|"
    r"fstream|iostream|istream|ostream|sstream|iomanip|filesystem|locale|codecvt|regex|cstdio|"
    r"stdio\.h|ctime|time\.h|sys/[^>]*|unistd\.h|netinet/[^>]*|arpa/[^>]*|format|print)>"
)
CHRONO_HOME = "core/chrono.hpp"
JSON_UNITS = {"json", "catalog", "auth", "signaling"}
OPENSSL_HOME = {"crypto/openssl.hpp", "crypto/openssl_key.hpp"}
QPACK_HOME = "webtransport/qpack.hpp"

INCLUDE = re.compile(r'^\s*#\s*include\s*(<[^>]+>|"[^"]+")')
CALLBACK = re.compile(r"\bstd::(function|move_only_function)\b")


def unit_of(path):
    """The unit and floor of a path under include/moqrtc, or None where no floor is named for it."""
    matches = [entry for entry in UNITS if path == entry[0] or (entry[0].endswith("/") and path.startswith(entry[0]))]
    return max(matches, key=lambda entry: len(entry[0]))[1:] if matches else None


def check_include(path, target, library):
    """What is wrong with one include of one header, or None."""
    if target.startswith('"'):
        return f"{target} is relative: write <moqrtc/...>"
    unit, floor = unit_of(path)
    name = target[1:-1]
    if name.startswith("moqrtc/"):
        below = unit_of(name.removeprefix("moqrtc/"))
        if not (library / name.removeprefix("moqrtc/")).is_file():
            return f"{target} does not exist"
        if below is None:
            return f"{target} is on no floor: add its folder to the table of {Path(__file__).name}"
        if below[1] > floor:
            return f"{target} points up (floor {floor} to floor {below[1]})"
        if below[1] == floor and below[0] != unit and (unit, below[0]) not in SIDEWAYS:
            return f"{target} points sideways (both on floor {floor})"
        return None
    if BANNED.match(target) or (name == "chrono" and path != CHRONO_HOME):
        return f"{target} has no place in the library"
    if name.startswith("nlohmann/") and unit not in JSON_UNITS:
        return f"{target}: JSON belongs in {', '.join(sorted(JSON_UNITS))}"
    if name.startswith("nghttp3/") and path != QPACK_HOME:
        return f"{target}: nghttp3 belongs in {QPACK_HOME}"
    if name.startswith("openssl/") and path not in OPENSSL_HOME:
        return f"{target}: OpenSSL belongs in crypto/"
    return None


def check_header(file, library):
    path = file.relative_to(library).as_posix()
    lines = file.read_text(encoding="utf-8").splitlines()
    if unit_of(path) is None:
        yield 1, f"on no floor: add its folder to the table of {Path(__file__).name}"
        return
    if len(lines) > HEADER_LINES:
        yield len(lines), f"{len(lines)} lines, at most {HEADER_LINES}: one idea or two?"
    if "#pragma once" not in lines[:3]:
        yield 1, "does not begin with #pragma once"
    for number, line in enumerate(lines, 1):
        include = INCLUDE.match(line)
        if include:
            problem = check_include(path, include.group(1), library)
            if problem:
                yield number, problem
        elif CALLBACK.search(line.split("//", maxsplit=1)[0]):
            yield number, "a stored callback: return a value or queue an event instead"


def check_tree(root):
    library = root / "include" / "moqrtc"
    for file in sorted(library.rglob("*.hpp")):
        for number, problem in check_header(file, library):
            yield f"{file.relative_to(root)}:{number}: {problem}"
    for file in sorted((root / "reference").rglob("*")):
        if file.suffix in {".hpp", ".cpp", ".h", ".js", ".mjs"} and file.is_file():
            count = len(file.read_text(encoding="utf-8").splitlines())
            if count > REFERENCE_LINES:
                yield f"{file.relative_to(root)}:{count}: {count} lines, at most {REFERENCE_LINES}: one idea or two?"


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2]).resolve()
    headers = len(list((root / "include" / "moqrtc").rglob("*.hpp")))
    if headers == 0:
        print(f"no headers under {root}/include/moqrtc", file=sys.stderr)
        return 2
    problems = list(check_tree(root))
    print(*problems, sep="\n", end="\n" if problems else "")
    print(f"{headers} headers, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
