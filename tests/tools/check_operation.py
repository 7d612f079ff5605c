#!/usr/bin/env python3
"""Fails when alert rules or the dashboard ask for figures that the server does not tell, and when
`promtool` (where it is installed) finds fault with the rules.

usage: tests/tools/check_operation.py ROOT
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path


def told_by_server(root):
    """Names in the server's sources: of its table, and those that are written out."""
    text = "".join((root / "reference/server" / name).read_text()
                   for name in ("metrics_text.cpp", "limit_table.cpp"))
    names = {f"moqrtc_{name}" for name in re.findall(r'^\s*\{"([a-z0-9_]+)",', text, re.M)}
    names |= set(re.findall(r'"((?:moqrtc|process)_[a-z0-9_]+)"', text))
    return names | {f"{name}{end}" for name in names for end in ("_bucket", "_sum", "_count")}


def main():
    root = Path(sys.argv[1]).resolve()
    folder = root / "reference/operation"
    rules = (folder / "alerts.yml").read_text()
    panels = json.loads((folder / "grafana.json").read_text())["panels"]
    asked = set(re.findall(r"\b(?:moqrtc|process)_[a-z0-9_]+\b", "\n".join(
        [line for line in rules.splitlines() if "what:" not in line]
        + [target["expr"] for panel in panels for target in panel["targets"]])))
    unknown = sorted(asked - told_by_server(root))
    for name in unknown:
        print(f"the server tells no {name}")
    failed = bool(unknown) or len(asked) < 20
    promtool = shutil.which("promtool")
    for command in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]):
        if promtool is None:
            print("promtool is not installed: the rules were not run")
            break
        done = subprocess.run([promtool, *command], cwd=folder, capture_output=True, text=True)
        if done.returncode != 0:
            print(done.stdout + done.stderr)
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
