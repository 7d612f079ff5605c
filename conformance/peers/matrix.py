#!/usr/bin/env python3
"""Runs other people's publishers, subscribers, relays and test clients against ours.

usage: conformance/peers/matrix.py [--peer NAME]... [--draft N]... [--list] [--write-doc FILE]

For each peer, draft and transport:
  pub     their publisher, our relay, our subscriber
  sub     our publisher, our relay, their subscriber
  both    their publisher, our relay, their subscriber
  relay   our publisher, their relay, our subscriber
  media>  their publisher of an MP4 (CMAF, catalog), our relay, our subscriber: the packets compared
  >media  our publisher of an MP4, our relay, their subscriber that writes files
  cases   `moqrtc-client interop` against their relay
  client  their test client against our relay

A cell is green when every object of some whole groups arrived with the bytes that were published
(`cases`, `client`: when every case passed). What is known not to work stands with its reason in
known.py; a cell that fails otherwise makes the run fail. Exit status: 0, 1 something failed that is
not known, 2 arguments or programs are missing, 3 no peer could be run.
"""

import argparse
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "drivers"), str(HERE.parents[1] / "tests" / "tools")]

import known
import material
import peers
import programs
from programs import BIN, Program, free_udp_port

CELLS = ("pub", "sub", "both", "relay", "media>", ">media", "cases", "client")
PLAYS = {"media>": "media_from_them", ">media": "media_to_them"}
GROUPS, OBJECTS = 6, 4
TRANSPORTS = {"quic": "QUIC", "webtransport": "WebTransport"}


class Failure(Exception):
    pass


class Cell:
    """One cell's programs, in a directory of their own; all are ended with it."""

    def __init__(self, peer, draft, transport):
        self.peer, self.draft, self.transport = peer, draft, transport
        self.directory = Path(tempfile.mkdtemp(prefix="moqrtc-peers-"))
        self.run = self.directory.name[-6:].replace("_", "x")
        self.what = {"namespace": f"interop/{self.run}", "track": "text", "run": self.run}
        self.programs = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for program in reversed(self.programs):
            program.stop(2)
        shutil.rmtree(self.directory, ignore_errors=True)

    def start(self, name, command, **more):
        program = Program(name, command, self.directory, family=True, environment={
            **self.peer.environment, "PYTHONPATH": str(HERE / "drivers")}, **more)
        self.programs.append(program)
        return program

    def our_relay(self):
        port = free_udp_port()
        relay = self.start("our-relay", [
            BIN / "moqrtc-server", "--listen", f"127.0.0.1:{port}", "--http", "off", "--https", "off", "--data-dir",
            self.directory / "data", "--drafts", self.draft])
        if not relay.wait_for_port(port, 10):
            raise Failure("our relay did not start: " + relay.complaint())
        return f"moqt://127.0.0.1:{port}" if self.transport == "quic" else f"https://127.0.0.1:{port}/moq"

    def their_relay(self):
        port = free_udp_port()
        command, urls = self.peer.relay(port, self.draft, certificate())
        relay = self.start("their-relay", command)
        if not relay.wait_for_port(port, 15):
            raise Failure("their relay did not start: " + relay.complaint())
        time.sleep(0.3)
        return urls[self.transport]

    def our_publisher(self, url):
        lines = [material.text(self.run, g, i) for g in range(GROUPS) for i in range(OBJECTS)]
        program = self.start("our-publisher", self.ours("send", url) + ["--group-every", OBJECTS], stdin=subprocess.PIPE)
        # A relay that has no cache needs a publisher that goes on while the subscriber comes.
        program.feed(lines, 0.12)
        return program

    def ours(self, command, url):
        return [BIN / "moqrtc-client", command, url, "--insecure", "--draft", self.draft, "-n",
                self.what["namespace"], "--track", self.what["track"]]

    def our_subscriber(self, url):
        return self.start("our-subscriber", self.ours("recv", url) + ["--json", "--wait", "8"])

    def theirs(self, role, url):
        return self.start("their-" + role, getattr(self.peer, role)(url, self.draft, self.what))

    def endings(self):
        """The errors that programs of ours ended sessions with, and the field: why a cell failed may be there."""
        pattern = re.compile(r"closed by us with (\w+) \((\w+)\)|close=(\w+) reason=(\w+)")
        found = {f"{program.name} ended a session with {m[1] or m[3]} ({m[2] or m[4]})"
                 for program in self.programs for m in pattern.finditer(program.err() + program.out())}
        return sorted(text for text in found if "NO_ERROR" not in text)

    def objects(self, subscriber):
        out = []
        for line in subscriber.out().splitlines():
            if line.startswith("{"):
                out.append(json.loads(line))
        return out

    def check(self, publisher, subscriber, seconds=14):
        """Waits until the last object is there; complains about what came, or did not."""
        last = material.text(self.run, GROUPS - 1, OBJECTS - 1).decode()
        end = time.monotonic() + seconds
        while time.monotonic() < end and subscriber.running():
            if any(o.get("text") == last for o in self.objects(subscriber)):
                break
            time.sleep(0.1)
        expected = {material.text(self.run, g, i).decode(): (g, i)
                    for g in range(GROUPS) for i in range(OBJECTS)}
        arrived, groups = [], {}
        for one in self.objects(subscriber):
            text = one.get("text", "")
            if text not in expected:
                raise Failure(f"object {one['group']}:{one['object']} has bytes that nobody published: {text[:40]!r}")
            if text in arrived:
                raise Failure(f"object {one['group']}:{one['object']} came twice")
            arrived.append(text)
            groups.setdefault(expected[text][0], []).append(expected[text][1])
        if not arrived:
            raise Failure("nothing arrived; " + "; ".join(
                f"{p.name}: {p.complaint()}" for p in (publisher, subscriber)))
        broken = [g for g, items in groups.items() if g != min(groups) and items != list(range(OBJECTS))]
        if broken:
            raise Failure(f"groups with gaps or out of order: {broken}; {len(arrived)} objects came")
        if max(groups) != GROUPS - 1 or len(groups) < 2:
            raise Failure(f"only groups {sorted(groups)} came; " + subscriber.complaint())
        return "yes"

    def pub(self):
        url = self.our_relay()
        publisher = self.theirs("publish", url)
        if not publisher.wait_for("published", 10, "both"):
            raise Failure("their publisher: " + publisher.complaint())
        return self.check(publisher, self.our_subscriber(url))

    def sub(self):
        url = self.our_relay()
        publisher = self.our_publisher(url)
        time.sleep(0.2)
        return self.check(publisher, self.theirs("subscribe", url))

    def both(self):
        url = self.our_relay()
        publisher = self.theirs("publish", url)
        if not publisher.wait_for("published", 10, "both"):
            raise Failure("their publisher: " + publisher.complaint())
        return self.check(publisher, self.theirs("subscribe", url))

    def relay(self):
        url = self.their_relay()
        publisher = self.our_publisher(url)
        time.sleep(0.4)
        return self.check(publisher, self.our_subscriber(url))

    def media_from_them(self):
        url = self.our_relay()
        publisher = self.start("their-media", self.peer.publish_media(url, self.draft, self.what, clip()))
        out = self.directory / "out.mp4"
        time.sleep(1.5)
        subscriber = self.start("our-subscribe", [
            BIN / "moqrtc-client", "subscribe", url, "--insecure", "--draft", self.draft, "-n",
            self.what["namespace"], "-o", out, "--duration", "5"])
        subscriber.wait(20)
        if not out.exists() or out.stat().st_size == 0:
            raise Failure("nothing arrived; " + "; ".join(f"{p.name}: {p.complaint()}" for p in (publisher, subscriber)))
        return compare_packets([out])

    def media_to_them(self):
        url = self.our_relay()
        self.start("our-publish", [BIN / "moqrtc-client", "publish", url, "--insecure", "--draft", self.draft,
                                   "-n", self.what["namespace"], clip()])
        time.sleep(1)
        command, files = self.peer.subscribe_media(url, self.draft, self.what, self.directory / "out")
        subscriber = self.start("their-media", command)
        subscriber.wait(20)
        missing = [f.name for f in files if not f.exists()]
        if missing:
            raise Failure(f"no {', '.join(missing)}; {subscriber.complaint()}")
        return compare_packets(files)

    def cases(self):
        url = self.their_relay()
        program = self.start("cases", [BIN / "moqrtc-client", "interop", "-r", url, "--draft",
                                       self.draft, "--tls-disable-verify"])
        program.wait(60)
        return self.tap(program)

    def client(self):
        program = self.start("their-client", self.peer.test_client(self.our_relay(), self.draft))
        program.wait(60)
        return self.tap(program)

    def tap(self, program):
        points = re.findall(r"^(ok|not ok) \d+ - ([^\s#]+)(.*)$", program.out(), re.M)
        if not points:
            raise Failure("no result: " + program.complaint())
        passed = [name for good, name, rest in points if good == "ok" and "SKIP" not in rest]
        failed = []
        for name in [name for good, name, _ in points if good != "ok"]:
            block = program.out().split(f" - {name}\n", 1)[-1].split("...", 1)[0]
            told = re.search(r'received: "?([^"\n]*)', block)
            failed.append(name + (f" ({told.group(1)})" if told else ""))
        skipped = len(points) - len(passed) - len(failed)
        text = f"{len(passed)} of {len(points)}" + (f", {skipped} skipped" if skipped else "")
        if failed or "Bail out!" in program.out():
            raise Failure(f"{text}; not: {', '.join(failed)}")
        return text


def clip():
    """Eight seconds of picture and sound, made once."""
    return programs.make_live_clip(peers.CACHE / "clip.mp4", 8, "320x240")


def packets(path):
    """Size and hash of each packet, by kind of stream."""
    streams, kinds, _ = programs.frames(path)
    return {kinds[n]: [packet[2:] for packet in stream] for n, stream in streams.items()}


def compare_packets(files):
    """Fails unless each stream that arrived is an unbroken run of the clip's packets."""
    source, got = packets(clip()), {}
    for file in files:
        got.update(packets(file))
    for kind in ("video", "audio"):
        mine, whole = got.get(kind, []), source[kind]
        if len(mine) < len(whole) // 3:
            raise Failure(f"{kind}: {len(mine)} packets came, the clip has {len(whole)}")
        starts = [i for i, packet in enumerate(whole) if packet == mine[0]]
        if not any(whole[i:i + len(mine)] == mine for i in starts):
            raise Failure(f"{kind}: {len(mine)} packets came that are no unbroken run of the clip's {len(whole)}")
    return "yes"


def certificate():
    """A certificate for relays that need one; made once a run by openssl."""
    place = Path(tempfile.gettempdir()) / f"moqrtc-peers-certificate-{os.getpid()}"
    files = place / "cert.pem", place / "key.pem"
    if not files[0].exists():
        place.mkdir(mode=0o700)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-days", "10", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", files[0], "-keyout", files[1]],
                       check=True, capture_output=True)
    return files


def spoken_drafts():
    """The drafts that our programs speak, by what the server's help says."""
    text = subprocess.run([BIN / "moqrtc-server", "--help"], capture_output=True, text=True, check=True).stdout
    out = []
    for draft in range(14, 30):
        good = subprocess.run([BIN / "moqrtc-server", "--check-config", "--drafts", str(draft)],
                              capture_output=True, check=False)
        if good.returncode == 0:
            out.append(draft)
    return out if text else []


def is_possible(peer, cell):
    needs = {"pub": "publish", "sub": "subscribe", "both": "publish", "relay": "relay", "cases": "relay",
             "client": "test client", "media>": "publish media", ">media": "subscribe media"}[cell]
    if "media" in cell and not shutil.which("ffmpeg"):
        return False
    if cell == "both" and "subscribe" not in peer.roles:
        return False
    return needs in peer.roles


def run(selected, drafts):
    results, skipped, ran = [], {}, 0
    for peer in selected:
        try:
            peer.prepare()
        except peers.Missing as why:
            skipped[peer.name] = str(why)
            print(f"{peer.name}: skipped: {why}", flush=True)
            continue
        if isinstance(peer, peers.BrowserPeer):
            found = in_browser(peer, drafts)
            results += found
            ran += len(found)
            continue
        for draft in [d for d in drafts if d in peer.drafts]:
            for transport in peer.transports:
                for cell in CELLS:
                    if not is_possible(peer, cell):
                        continue
                    ran += 1
                    began = time.monotonic()
                    row = {"peer": peer.name, "draft": draft, "transport": transport, "cell": cell}
                    with Cell(peer, draft, transport) as here:
                        try:
                            row.update(good=True, text=getattr(here, PLAYS.get(cell, cell))())
                        except Failure as failure:
                            row.update(good=False, text="; ".join([str(failure), *here.endings()]))
                    row["reason"] = None if row["good"] else known.reason(row)
                    results.append(row)
                    mark = "ok" if row["good"] else "known" if row["reason"] else "FAILED"
                    print(f"{mark:7}{peer.name} {draft} {transport} {cell}: {row['text']} "
                          f"({time.monotonic() - began:.1f} s)", flush=True)
    return results, skipped, ran


def in_browser(peer, drafts):
    """The cells of a peer that the browser's tests play."""
    outcome = peer.play(re.escape(peer.name))
    rows = []
    for (draft, cell), case in [*peer.cases.items(), *peer.failures.items()]:
        if draft not in drafts:
            continue
        row = {"peer": peer.name, "draft": draft, "transport": "webtransport", "cell": cell}
        shows_failure = (draft, cell) in peer.failures
        name, why = case if shows_failure else (case, None)
        row["good"] = outcome[name] and not shows_failure
        row["reason"] = why if shows_failure and outcome[name] else None
        row["text"] = "yes" if row["good"] else "as known" if row["reason"] else f"tests/browser: '{name}' failed"
        rows.append(row)
        mark = "ok" if row["good"] else "known" if row["reason"] else "FAILED"
        print(f"{mark:7}{peer.name} {draft} webtransport {cell}: {row['text']}", flush=True)
    return rows


def table(results, skipped):
    """The matrix as Markdown."""
    lines = [f"Run on {datetime.date.today().isoformat()}, generated by `scripts/test --interop`.", ""]
    notes = []
    for peer in peers.ALL:
        mine = [r for r in results if r["peer"] == peer.name]
        if not mine:
            continue
        lines += [f"**{peer.name}** ({peer.language}; {peer.package})", "",
                  "| draft | transport | " + " | ".join(CELLS) + " |", "|---|---|" + "---|" * len(CELLS)]
        for draft in sorted({r["draft"] for r in mine}):
            for transport in peer.transports:
                row = []
                for cell in CELLS:
                    found = [r for r in mine if (r["draft"], r["transport"], r["cell"]) == (draft, transport, cell)]
                    if not found:
                        row.append("-")
                    elif found[0]["good"]:
                        row.append(found[0]["text"])
                    else:
                        why = found[0]["reason"] or "not known: " + found[0]["text"]
                        if why not in notes:
                            notes.append(why)
                        seen = re.match(r"\d+ of \d+(, \d+ skipped)?", found[0]["text"])
                        row.append((seen.group(0) if seen else "no") + f" ({notes.index(why) + 1})")
                lines.append(f"| {draft} | {TRANSPORTS[transport]} | " + " | ".join(row) + " |")
        lines.append("")
    for name, why in skipped.items():
        lines += [f"**{name}** was not run: {why}.", ""]
    lines += [f"{i}. {note}" for i, note in enumerate(notes, 1)]
    return "\n".join(lines).rstrip() + "\n"


def write_doc(path, text):
    begin, end = "<!-- generated -->", "<!-- end of generated -->"
    page = Path(path).read_text(encoding="utf-8")
    head, rest = page.split(begin, 1)
    _, tail = rest.split(end, 1)
    Path(path).write_text(head + begin + "\n" + text + end + tail, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", action="append", choices=[p.name for p in peers.ALL])
    parser.add_argument("--draft", action="append", type=int)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--write-doc", metavar="FILE")
    parser.add_argument("--json", metavar="FILE")
    given = parser.parse_args()
    if given.list:
        for peer in peers.ALL:
            print(f"{peer.name}: {peer.language}, {peer.package}; drafts {', '.join(map(str, peer.drafts))}")
        return 0
    for program in ("moqrtc-server", "moqrtc-client"):
        if not (BIN / program).exists():
            print(f"there is no {BIN / program}", file=sys.stderr)
            return 2
    drafts = [d for d in spoken_drafts() if not given.draft or d in given.draft]
    selected = [p for p in peers.ALL if not given.peer or p.name in given.peer]
    try:
        results, skipped, ran = run(selected, drafts)
    finally:
        shutil.rmtree(Path(tempfile.gettempdir()) / f"moqrtc-peers-certificate-{os.getpid()}",
                      ignore_errors=True)
    if given.json:
        Path(given.json).write_text(json.dumps(results, indent=1))
    if given.write_doc and ran:
        write_doc(given.write_doc, table(results, skipped))
    failed = [r for r in results if not r["good"] and not r["reason"]]
    good = [r for r in results if r["good"]]
    print(f"{len(good)} passed, {len(failed)} failed, {len(results) - len(good) - len(failed)} skipped")
    if not ran:
        return 3
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
