#!/usr/bin/env python3
"""Our relay, publisher and subscriber through the conformance suite, in every draft: the figures and
the lists of rows in docs/conformance.md.

usage: conformance/own_programs.py [--draft N]... [--json DIR] [--write-doc FILE]

Exit status: 0 no row failed, 1 one did.
"""

import argparse
import datetime
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "e2e"))

from demanding import DemandingServer
from lib import BIN, Server

PROGRAM, CLIENT = BIN / "moqrtc-conformance", BIN / "moqrtc-client"
COMMANDS = {
    # Its input goes on: a publisher whose input ends leaves.
    "send": "while echo line; do sleep 0.05; done | {client} send {{url}} {more} --track chat --group-every 5",
    "recv": "exec {client} recv {{url}} {more} --track chat",
    "subscribe": "exec {client} subscribe {{url}} {more}",
    # Asks for every track of a namespace.
    "tracks": "exec {client} interop -r {{url}} --insecure -t publish-flow --draft {draft}",
}


def report(folder, name, *arguments):
    file = folder / f"{name}.json"
    done = subprocess.run([str(a) for a in (PROGRAM, *arguments)], capture_output=True, text=True,
                          timeout=200, check=False)
    if not file.exists():
        raise SystemExit(f"{name}: {done.stderr or done.stdout}")
    return json.loads(file.read_text())


def runs(folder, draft):
    def of(name, *arguments):
        return name, report(folder, f"{draft}-{name.replace(' ', '-')}", "--draft", draft, "--json",
                            folder / f"{draft}-{name.replace(' ', '-')}.json", *arguments)

    def command(name):
        more = f"--insecure --reconnect --draft {draft} -n live --token of-the-operator"
        return "--", "sh", "-c", COMMANDS[name].format(client=CLIENT, more=more, draft=draft)

    listen = ("--listen", "127.0.0.1:0", "--patience", "1500", "--timeout", "170")
    relay = Server(folder, name=f"relay-{draft}", more=("--drafts", draft))
    try:
        yield of("relay, QUIC", "--target", relay.url, "--insecure", "--leave",
                 f"kill -TERM {relay.process.pid}")
    finally:
        relay.stop()
    relay = Server(folder, name=f"relay-{draft}-w", more=("--drafts", draft))
    try:
        yield of("relay, WebTransport", "--target", f"https://127.0.0.1:{relay.port}/moq", "--insecure")
    finally:
        relay.stop()
    relay = DemandingServer(folder, name=f"relay-{draft}-t", more=("--drafts", draft))
    try:
        yield of("relay that demands tokens, QUIC", "--target", relay.url, "--insecure", *relay.known())
    finally:
        relay.stop()
    yield of("publisher, QUIC", *listen, "--peer", "publisher", "--track", "chat", *command("send"))
    yield of("subscriber, QUIC", *listen, "--peer", "subscriber", *command("recv"))
    yield of("subscriber of a catalog, QUIC", *listen, "--peer", "subscriber", *command("subscribe"))
    if draft >= 18:
        yield of("subscriber of all tracks, QUIC", *listen, "--peer", "subscriber", "--filter", "MUST-18-049",
                 *command("tracks"))
    yield of("subscriber, WebTransport", *listen, "--webtransport", "--peer", "subscriber", *command("recv"))


def is_open(rows):
    """No run decides it, although it is a rule for peers."""
    return rows[0]["kind"] != "A" and not any(r["verdict"] in ("pass", "fail") for r in rows)


def open_row(rows):
    """What the run says of it that has most to say: the relay's comes first."""
    return next((r for r in rows if r["verdict"] == "undecided"), rows[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draft", action="append", type=int, help="only this one; repeat for more")
    parser.add_argument("--json", type=Path, help="keep the reports there")
    parser.add_argument("--write-doc", type=Path, help="replace the tables of this document")
    chosen = parser.parse_args()
    day = datetime.date.today().isoformat()
    lines = [f"Measured on {day} by `conformance/own_programs.py`, on loopback; \"other\" are rows for other kinds of "
             "peer.", "", "| draft | who | pass | fail | undecided | other | seconds |", "|---|---|---|---|---|---|---|"]
    failed = 0
    left = {}
    with tempfile.TemporaryDirectory() as place:
        folder = chosen.json or Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        for draft in chosen.draft or range(22, 13, -1):
            all_of = {}
            for name, found in runs(folder, draft):
                n = found["totals"]
                failed += n["fail"]
                lines.append(f"| {draft} | {name} | {n['pass']} | {n['fail']} | {n['undecided']} | {n['elsewhere']} | "
                             f"{found['seconds']} |")
                print(lines[-1], file=sys.stderr, flush=True)
                for row in found["rows"]:
                    if row["verdict"] == "fail":
                        print(f"  {row['id']}: {row['reason']}", file=sys.stderr)
                    all_of.setdefault(row["id"], []).append(row)
            left[draft] = [open_row(rows) for rows in all_of.values() if is_open(rows)]
            print(f"  open in every run: {', '.join(r['id'] for r in left[draft])}", file=sys.stderr)
    lines += ["", "Rows that none of these runs decides, of every kind but A:", ""]
    lines += [f"- draft {draft}, {len(rows)}: " + "; ".join(f"`{r['id']}` ({r['reason']})" for r in rows)
              for draft, rows in left.items()]
    text = "\n".join(lines)
    if not chosen.write_doc:
        print(text)
        return 1 if failed else 0
    whole = chosen.write_doc.read_text()
    whole = re.sub(r"(?s)<!-- figures -->\n.*?<!-- end of figures -->",
                   lambda _: f"<!-- figures -->\n{text}\n<!-- end of figures -->", whole)
    for draft in range(22, 13, -1):
        table = subprocess.run([str(PROGRAM), "--list-undecidable", "--draft", str(draft)], capture_output=True,
                               text=True, check=True).stdout
        whole = re.sub(rf"(?s)<!-- undecidable {draft} -->\n.*?<!-- end -->",
                       lambda _, d=draft, t=table: f"<!-- undecidable {d} -->\n{t}<!-- end -->", whole)
    chosen.write_doc.write_text(whole)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
