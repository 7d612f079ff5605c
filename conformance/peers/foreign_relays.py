#!/usr/bin/env python3
"""The conformance suite against other people's relays, as a section of docs/interop.md.

usage: conformance/peers/foreign_relays.py [--peer NAME]... [--draft N]... [--transport quic|webtransport]...
                                           [--write-doc FILE]

Each relay is started as the matrix starts it, on a port of its own, and ended after its run. Every
row that fails is listed with its section, what was sent and what came back. Exit status: 0 the runs
were made, whatever they found; 1 a run ended without a report; 3 no relay could be run.
"""

import argparse
import datetime
import json
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

import peers
from matrix import BIN, Cell, Failure, TRANSPORTS

START, END = "<!-- conformance of others -->", "<!-- end of conformance of others -->"
MOST_HEX = 64  # characters of the bytes that are shown
DETAILED = (16, 18)  # drafts whose red rows are listed one by one


def harmless(text):
    """What rows send to see whether the peer goes on."""
    return '"alive' in text or text.startswith("close ") or "group=1000000," in text


def offence(row):
    """The last that the row had sent when it began to wait for the reaction: text and bytes."""
    sent = []
    for entry in row["trace"]:
        if entry["what"] == "note" and "alive" in entry["text"]:
            break
        if entry["what"] == "sent" and not harmless(entry["text"]):
            sent.append(entry)
    return sent[-1] if sent else None


def shown(entry):
    if entry is None:
        return "(all rows together)"
    digits = entry.get("hex", "")
    if len(digits) > MOST_HEX:
        digits = digits[:MOST_HEX] + "..."
    text = re.split(r"[{:]| that does not parse| on stream| in a datagram", entry["text"])[0].strip()
    if "[" in entry["text"]:
        text = f"{text}: {entry['text'].rsplit('[', 1)[1].split(']')[0]}"
    return (f"{text}, `{digits}`" if digits else text).replace("|", "/")


def play(peer, draft, transport):
    """The report of one run, or a sentence."""
    with Cell(peer, draft, transport) as cell:
        try:
            url = cell.their_relay()
        except Failure as failure:
            return str(failure)
        file = cell.directory / "report.json"
        done = subprocess.run(
            [str(a) for a in (BIN / "moqrtc-conformance", "--target", url, "--insecure", "--draft", draft,
                              "--json", file)], capture_output=True, text=True, timeout=150, check=False)
        relay = cell.programs[0]
        if not file.exists():
            return (done.stderr.strip().splitlines() or ["no report"])[-1]
        report = json.loads(file.read_text())
        report["unreached"] = done.stderr.strip().splitlines()[-1] if done.returncode == 3 else ""
        report["died"] = "" if relay.running() else relay.complaint()
        return report


def rows_of(report, but=()):
    out = ["| Id | § | Condition | Sent | What came |", "|---|---|---|---|---|"]
    for row in report["rows"]:
        if row["verdict"] == "fail" and row["id"] not in but:
            condition = row["condition"].replace("|", "/")
            condition = condition if len(condition) <= 90 else condition[:88] + "..."
            reason = row["reason"].replace("|", "/").replace("\n", " ")[:220]
            out.append(f"| {row['id']} | {row['section']} | {condition} | {shown(offence(row))} | {reason} |")
    return out


def section(runs):
    day = datetime.date.today().isoformat()
    out = [START, "", "## Conformance of other relays", "",
           f"`moqrtc-conformance` against the relays above, run on {day} and written by "
           "`conformance/peers/foreign_relays.py`. A row is red where the relay did something else than the "
           "requirement of that draft asks for, by the [rules of the suite](conformance.md); undecided rows are "
           "mostly about requests that the relay does not take. Red rows of drafts 16 and 18 are listed below, with what "
           "was sent last and its first bytes in hexadecimal.", "",
           "| relay | draft | transport | pass | fail | undecided | for other peers | seconds |",
           "|---|---|---|---|---|---|---|---|"]
    details = []
    listed = {}
    for peer, draft, transport, report in runs:
        name = f"| {peer.name} | {draft} | {TRANSPORTS[transport]} |"
        if isinstance(report, str) or report["unreached"]:
            why = report if isinstance(report, str) else report["unreached"]
            out.append(f"{name} no session: {why.replace('|', '/')} | | | | |")
            continue
        n = report["totals"]
        out.append(f"{name} {n['pass']} | {n['fail']} | {n['undecided']} | {n['elsewhere']} | {report['seconds']} |")
        if report["died"]:
            details += [f"**{peer.name}, draft {draft}, {TRANSPORTS[transport]}**: the relay ended during the run: "
                        f"{report['died']}", ""]
        red = {row["id"] for row in report["rows"] if row["verdict"] == "fail"}
        known = listed.setdefault((peer.name, draft), set())
        if red - known and draft in DETAILED:
            more = f"; what is red by QUIC, too, is listed there ({len(red & known)})" if known else ""
            details += [f"**{peer.name}, draft {draft}, {TRANSPORTS[transport]}** ({peer.package}){more}", "",
                        *rows_of(report, known), ""]
        known |= red
    return "\n".join([*out, "", *details, END])


def write(document, text):
    whole = document.read_text()
    if START in whole:
        before, rest = whole.split(START, 1)
        whole = before + text + rest.split(END, 1)[1]
    else:
        whole = whole.rstrip("\n") + "\n\n" + text + "\n"
    document.write_text(whole)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", action="append", help="only this one; repeat for more")
    parser.add_argument("--draft", action="append", type=int, help="only this one (16 and 18)")
    parser.add_argument("--transport", action="append", choices=sorted(TRANSPORTS), help="only this one (quic)")
    parser.add_argument("--write-doc", type=Path, help="replace the section of this document")
    chosen = parser.parse_args()
    runs = []
    for peer in peers.ALL:
        if "relay" not in peer.roles or (chosen.peer and peer.name not in chosen.peer):
            continue
        try:
            peer.prepare()
        except peers.Missing as why:
            print(f"{peer.name}: {why}", file=sys.stderr)
            continue
        for draft in chosen.draft or (16, 18):
            if draft not in peer.drafts:
                continue
            for transport in chosen.transport or ("quic",):
                report = play(peer, draft, transport)
                runs.append((peer, draft, transport, report))
                print(peer.name, draft, transport, report if isinstance(report, str) else report["totals"],
                      file=sys.stderr, flush=True)
    if not runs:
        return 3
    text = section(runs)
    if chosen.write_doc:
        write(chosen.write_doc, text)
    else:
        print(text)
    return 1 if any(isinstance(report, str) for *_, report in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
