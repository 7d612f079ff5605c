"""Programs that the matrix starts: each on a port of its own that it is seen to own, each with its
output kept, and each ended when its cell is over."""

import os
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path


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
    """A program with its output in files; `stop` ends it and all that it started."""

    def __init__(self, name, command, directory, environment=None, stdin=None):
        self.name = name
        self.command = [str(part) for part in command]
        self.out_path = Path(directory) / f"{name}.out"
        self.err_path = Path(directory) / f"{name}.err"
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE if stdin else subprocess.DEVNULL, stdout=out,
                stderr=err, start_new_session=True, env={**os.environ, **(environment or {})})

    def out(self):
        return self.out_path.read_text(errors="replace")

    def err(self):
        return self.err_path.read_text(errors="replace")

    def running(self):
        return self.process.poll() is None

    def wait(self, seconds):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def wait_for(self, text, seconds):
        """Whether `text` came, on either output, in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if text in self.err() or text in self.out():
                return True
            if not self.running():
                return text in self.err() or text in self.out()
            time.sleep(0.05)
        return False

    def wait_for_port(self, port, seconds):
        """Whether this very program listens on `port` in time: an old process there does not count."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.running():
            if port in udp_ports_of(self.process.pid):
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

    def stop(self, seconds=2):
        for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5)):
            if not self.running():
                break
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                break
            self.wait(patience)
        return self.process.returncode

    def complaint(self):
        """The line of its output that says most about what went wrong."""
        lines = [re.sub(r"\x1b\[[0-9;]*m|\r|\x00", "", line).strip()
                 for line in (self.err() + "\n" + self.out()).splitlines()]
        bad = [line for line in lines if re.search(r"error|refus|invalid|violation|closed|ended|fail|panic|Traceback|Exception",
                                                   line, re.I) and "INFO" not in line]
        picked = (bad or [line for line in lines if line] or [""])[-1]
        return picked[:200]
