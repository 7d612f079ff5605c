"""Programs that tests start, and clips that they play: what the end-to-end tests (tests/e2e) and the
matrix of other people's programs (conformance/peers) share."""

import os
import re
import signal
import socket
import subprocess
import threading
import time
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("MOQRTC_BIN", ROOT / "build" / "release" / "bin"))


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def udp_ports_of(pid):
    """The UDP ports that a process, or a child of it, has a socket on."""
    inodes, pids, seen = set(), [pid], set()
    while pids:
        one = pids.pop()
        if one in seen:
            continue
        seen.add(one)
        try:
            for task in Path(f"/proc/{one}/task").iterdir():
                pids += [int(p) for p in (task / "children").read_text().split()]
            for fd in Path(f"/proc/{one}/fd").iterdir():
                found = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(fd))
                if found:
                    inodes.add(found.group(1))
        except OSError:
            continue
    ports = set()
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            part = line.split()
            if part[9] in inodes:
                ports.add(int(part[1].rsplit(":", 1)[1], 16))
    return ports


class Program:
    """A program with its output in files.

    `stdin`: nothing, a file, or subprocess.PIPE. `family`: it starts programs of its own, which end
    with it; its environment is this one's with `environment` over it.
    """

    def __init__(self, name, command, directory, stdin=None, environment=None, family=False):
        self.name = name
        self.family = family
        self.out_path = Path(directory) / f"{name}.out"
        self.err_path = Path(directory) / f"{name}.err"
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.process = subprocess.Popen(
                [str(part) for part in command], stdout=out, stderr=err, start_new_session=family,
                stdin=stdin if stdin is not None else subprocess.DEVNULL,
                env={**os.environ, **(environment or {})})
        self.started = time.monotonic()

    @property
    def pid(self):
        return self.process.pid

    def out(self):
        return self.out_path.read_text(errors="replace")

    def err(self):
        return self.err_path.read_text(errors="replace")

    def running(self):
        return self.process.poll() is None

    def wait(self, seconds):
        """The exit status, or None when it did not end in time."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def wait_for(self, text, seconds, where="err"):
        """Waits until the output (`where`: "out", "err" or "both") contains `text`; False when it did
        not come in time."""
        said = {"out": self.out, "err": self.err, "both": lambda: self.err() + self.out()}[where]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if text in said():
                return True
            if not self.running():
                return text in said()
            time.sleep(0.02)
        return False

    def wait_for_port(self, port, seconds):
        """Whether this very program listens on `port` in time: an old process there does not count."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.running():
            if port in udp_ports_of(self.pid):
                return True
            time.sleep(0.05)
        return False

    def feed(self, lines, pause):
        """Writes lines to its standard input, a pause behind each, from a thread."""

        def write():
            try:
                for line in lines:
                    self.process.stdin.write(line + b"\n")
                    self.process.stdin.flush()
                    time.sleep(pause)
                self.process.stdin.close()
            except OSError:
                pass

        threading.Thread(target=write, daemon=True).start()

    def signal(self, number):
        try:
            if self.family:
                os.killpg(self.pid, number)
            else:
                self.process.send_signal(number)
        except ProcessLookupError:
            pass

    def kill(self):
        if self.running() or self.family:  # of a family, children may be left
            self.signal(signal.SIGKILL)
            self.process.wait()
        if self.process.stdin:
            try:
                self.process.stdin.close()
            except OSError:  # what was written and not read
                pass

    def stop(self, seconds=5):
        if self.running():
            self.signal(signal.SIGTERM)
            self.wait(seconds)
        self.kill()
        return self.process.returncode

    def tail(self, lines=15):
        text = (self.out() + self.err()).strip().splitlines()[-lines:]
        return f"--- {self.name} (status {self.process.poll()})\n" + "\n".join(text)

    def complaint(self):
        """The line of its output that says most about what went wrong."""
        lines = [re.sub(r"\x1b\[[0-9;]*m|\r|\x00", "", line).strip()
                 for line in (self.err() + "\n" + self.out()).splitlines()]
        bad = [line for line in lines if re.search(r"error|refus|invalid|violation|closed|ended|fail|panic|Traceback|Exception",
                                                   line, re.I) and "INFO" not in line]
        picked = (bad or [line for line in lines if line] or [""])[-1]
        return picked[:200]


def make_clip(path, arguments, say=lambda text: None):
    """A clip that ffmpeg makes of `arguments`, kept for the next run; its path."""
    if path.exists():
        return path
    say(f"generating {path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    # The last part of the name tells ffmpeg the format, so the unfinished file keeps it; tests run side by side.
    partial = path.with_name(f"partial-{os.getpid()}-{path.name}")
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments, str(partial)], check=True)
    partial.replace(path)
    return path


def make_live_clip(path, seconds, size, say=lambda text: None):
    """A test picture at 30 fps, a keyframe a second, and a tone: H.264 and AAC."""
    return make_clip(
        path,
        ["-f", "lavfi", "-i", f"testsrc=size={size}:rate=30",
         "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
         "-t", str(seconds), "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast",
         "-g", "30", "-keyint_min", "30", "-sc_threshold", "0", "-c:a", "aac"],
        say,
    )


def frames(path, decode=False):
    """The packets (or decoded frames) of a file by number of stream: (dts, pts, size, hash), times in
    seconds; the kinds of the streams ("video", "audio"); and what ffmpeg complained of."""
    run = subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-i", str(path), "-map", "0",
         *([] if decode else ["-c", "copy"]), "-f", "framemd5", "-"],
        capture_output=True, text=True, check=False,
    )
    streams, bases, kinds = {}, {}, {}
    for line in run.stdout.splitlines():
        if line.startswith("#tb"):
            number, base = line[4:].split(":")
            bases[int(number)] = Fraction(base.strip())
        elif line.startswith("#media_type"):
            number, kind = line[12:].split(":")
            kinds[int(number)] = kind.strip()
        elif line and not line.startswith("#"):
            part = [p.strip() for p in line.split(",")]
            n = int(part[0])
            streams.setdefault(n, []).append(
                (int(part[1]) * bases[n], int(part[2]) * bases[n], int(part[4]), part[5])
            )
    return streams, kinds, run.stderr.strip()
