#!/usr/bin/env python3
"""Fails when a tracked file says what does not belong in the project.

usage: tests/tools/check_words.py [ROOT]

Hosts of package registries, paths of one machine, unfinished-work marks, and files too large for
the repository. Prints `skipped:` and exits 77 outside a git work tree.
"""

import re
import subprocess
import sys
from pathlib import Path

LARGEST_FILE = 1 << 20

# Written in pieces, so that this file passes its own check.
DOT = r"\."
REGISTRIES = [
    "(deb|security|snapshot|ftp[^ ]*)" + DOT + "debian" + DOT,
    "(archive|ports|security)" + DOT + "ubuntu" + DOT,
    "registry" + DOT + "(npmjs|yarnpkg|npm)",
    "py" + "pi" + DOT + "(org|io)",
    "python" + "hosted",
    "(index|static)" + DOT + "crates",
    "proxy" + DOT + "golang",
    "repo1?" + DOT + "maven",
]
MACHINE = [
    "/work/" + "[a-z.]",
    "/farm" + "/",
    "(?<![A-Za-z0-9_.$}])/root" + "/",
    "(?<![A-Za-z0-9_.])/home/" + "[a-z]",
]
PROCESS = [
    "(^|[^a-z])sub" + "agents?([^a-z]|$)",
    "closing" + " note",
    "before" + "-stop",
]
UNFINISHED = [r"\b(TO" + r"DO|FIX" + r"ME|HA" + r"CK)\b"]

RULES = [
    ("a package registry's host", REGISTRIES),
    ("a path of one machine", MACHINE),
    ("not about the project", PROCESS),
    ("an unfinished-work mark", UNFINISHED),
]
PATTERNS = [(what, re.compile("|".join(f"(?:{word})" for word in words))) for what, words in RULES]


def tracked_files(root):
    """The files git knows under root, or None where there is no work tree."""
    listing = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], capture_output=True, check=False)
    if listing.returncode != 0:
        return None
    return [root / name.decode() for name in listing.stdout.split(b"\0") if name]


def check_file(file):
    content = file.read_bytes()
    if len(content) > LARGEST_FILE:
        yield 0, f"{len(content)} bytes, at most {LARGEST_FILE} in the repository"
    if b"\0" in content[:8192] or file.name.endswith(".lock"):
        return
    for number, line in enumerate(content.decode("utf-8", errors="replace").splitlines(), 1):
        for what, pattern in PATTERNS:
            match = pattern.search(line)
            if match:
                yield number, f"{what}: {match.group(0).strip()}"


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2]).resolve()
    files = tracked_files(root)
    if not files:
        print("skipped: no git work tree, so nothing says which files are the project's")
        return 77
    problems = 0
    for file in files:
        if not file.is_file():
            continue
        for number, problem in check_file(file):
            print(f"{file.relative_to(root)}:{number}: {problem}")
            problems += 1
    print(f"{len(files)} files, {problems} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
