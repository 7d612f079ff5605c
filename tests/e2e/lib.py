"""What the end-to-end tests and the demo share: the relay, its clients, comparison of packets."""

import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

import leaks
import programs
from programs import BIN, Program, frames, free_udp_port

FULL = os.environ.get("MOQRTC_FULL") == "1"


def have(program):
    return shutil.which(program) is not None


class Server(Program):
    """A relay on a free port; `url` is where it is."""

    def __init__(self, directory, name="server", port=0, data=None, more=()):
        self.data = Path(data) if data else Path(directory) / f"{name}-data"
        super().__init__(
            name,
            [BIN / "moqrtc-server", "--listen", f"127.0.0.1:{port}", "--http", "127.0.0.1:0",
             *([] if "--https" in more else ["--https", "127.0.0.1:0"]),
             "--data-dir", self.data, *more],
            directory,
        )
        end = time.monotonic() + 15
        self.ready = None
        while time.monotonic() < end and self.ready is None:
            for line in self.out().splitlines():
                if line.startswith("{") and '"ready"' in line:
                    self.ready = json.loads(line)
            if not self.running():
                break
            time.sleep(0.02)
        if self.ready is None:
            raise RuntimeError("the server did not become ready\n" + self.tail())
        self.port = int(self.ready["quic"].rsplit(":", 1)[1])
        self.url = f"moqt://127.0.0.1:{self.port}"
        self.http = self.ready.get("http")
        self.https = self.ready.get("https")

    def metric(self, name, **labels):
        """A figure of /metrics, other labels summed up; None when there is none of this name."""
        import urllib.request

        with urllib.request.urlopen(f"http://{self.http}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        values = [
            float(line.rsplit(" ", 1)[1])
            for line in text.splitlines()
            if line.split("{")[0].split(" ")[0] == name
            and all(f'{key}="{value}"' in line for key, value in labels.items())
        ]
        return sum(values) if values else None


def client(directory, name, command, url, *arguments, stdin=None):
    return Program(
        name, [BIN / "moqrtc-client", command, url, "--insecure", *arguments], directory, stdin
    )


def make_clip(name, arguments, say=lambda text: None):
    """A clip that ffmpeg makes of `arguments`, kept beside the programs for the next run; its path."""
    return programs.make_clip(BIN.parent / "clips" / name, arguments, say)


def live_clip(seconds=20, size="1280x720", name=None, say=lambda text: None):
    path = BIN.parent / "clips" / (name or f"live-{size}-{seconds}s.mp4")
    return programs.make_live_clip(path, seconds, size, say)


def compare(expected_path, path, decode=False, from_start=False):
    """Complaints about `path` against the source: from its first packet to the end of the source
    nothing is missing, sizes, hashes and times relative to the first packet are equal."""
    expected, _, _ = frames(expected_path, decode)
    got, _, noise = frames(path, decode)
    what = "frames" if decode else "packets"
    complaints = [f"{Path(path).name}: ffmpeg says {noise}"] if noise else []
    for stream, all_of in expected.items():
        mine = got.get(stream, [])
        label = f"{Path(path).name}, stream {stream}"
        if not mine:
            complaints.append(f"{label}: no {what}")
            continue
        starts = [i for i, p in enumerate(all_of) if p[2:] == mine[0][2:]]
        # Equal pictures may stand in a clip more than once: the count tells which one it is.
        start = next((i for i in starts if len(all_of) - i == len(mine)), None)
        if start is None:
            complaints.append(
                f"{label}: {len(mine)} {what} received, the source has {len(all_of)}, "
                f"the first stands at {starts[:3]}"
            )
            continue
        if from_start and start != 0:
            complaints.append(f"{label}: begins at {start}, not at the start")
        wanted = all_of[start:]
        for i, (w, m) in enumerate(zip(wanted, mine)):
            if w[2:] != m[2:]:
                complaints.append(f"{label}: {what[:-1]} {i} differs: {w[2:]} became {m[2:]}")
                break
            if (w[0] - wanted[0][0], w[1] - wanted[0][1]) != (m[0] - mine[0][0], m[1] - mine[0][1]):
                complaints.append(f"{label}: time of {what[:-1]} {i} differs")
                break
    return complaints


def missing(expected_path, path, stream=0):
    """Runs of packets (first, count) that the source has behind the first one received and that did
    not arrive; None when something arrived that the source has not, or not in its order."""
    expected = [p[2:] for p in frames(expected_path)[0].get(stream, [])]
    got = [p[2:] for p in frames(path)[0].get(stream, [])]
    if not got or got[0] not in expected:
        return None
    runs, at = [], expected.index(got[0])
    for packet in got:
        try:
            found = expected.index(packet, at)
        except ValueError:
            return None
        if found != at:
            runs.append((at, found - at))
        at = found + 1
    if at != len(expected):
        runs.append((at, len(expected) - at))
    return runs


def packet_counts(path):
    streams, _, _ = frames(path)
    return {n: len(p) for n, p in streams.items()}


def summary(process):
    """The JSON summary that a subscriber printed with --json, or {}."""
    for line in process.out().splitlines() + process.err().splitlines():
        if line.startswith("{") and '"summary"' in line:
            return json.loads(line)
    return {}


def latencies(sent_path, received_path):
    """Microseconds from publisher to subscriber, of every object that was sent after the subscriber
    had its first: what lay in the relay's cache when it joined says nothing about the way."""

    def read(path):
        out = {}
        for line in Path(path).read_text().splitlines():
            track, group, item, at = line.rsplit(" ", 3)
            out.setdefault((track, group, item), int(at))
        return out

    sent, received = read(sent_path), read(received_path)
    joined = min(received.values(), default=0)
    return sorted(received[k] - sent[k] for k in received if sent.get(k, 0) >= joined)


def percentile(values, p):
    return values[min(len(values) - 1, int(len(values) * p / 100))] if values else None


class Workplace:
    """A temporary directory and the processes started in it; all end with it. No secret may be left
    in anything that they wrote (see leaks.py)."""

    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="moqrtc-"))
        self.processes = []
        self.keeping = set()  # files that are given to programs because they keep secrets
        self.looked = []  # files that were looked at in the end

    def add(self, process):
        self.processes.append(process)
        self.keeping |= leaks.collect_arguments(process.process.args)
        return process

    def server(self, **arguments):
        return self.add(Server(self.directory, **arguments))

    def client(self, name, command, url, *arguments, stdin=None):
        return self.add(client(self.directory, name, command, url, *arguments, stdin=stdin))

    def tails(self):
        return "\n".join(p.tail() for p in self.processes)

    def close(self):
        for p in self.processes:
            p.kill()
        complaints, self.looked = leaks.look(self.directory, self.keeping)
        shutil.rmtree(self.directory, ignore_errors=True)
        if complaints:
            raise AssertionError("\n".join(["secrets were written down:", *complaints]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
