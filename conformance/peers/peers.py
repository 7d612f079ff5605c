"""Other people's implementations: where they come from, what they speak, how they are started.

Versions are pinned to what was tried. Nothing of them is in this repository: `prepare` installs
them into the user's cache by their registry's own client.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "moqrtc" / "peers"
NO_INSTALL = os.environ.get("MOQRTC_NO_INSTALL") == "1"


class Missing(Exception):
    """Why a peer cannot be run here, in a sentence."""


def newer_python(least):
    """A Python of at least this version; peers ask for newer ones than our scripts."""
    found = [shutil.which(f"python3.{minor}") for minor in range(30, least - 1, -1)]
    found += [str(path) for path in sorted(Path.home().glob(".pyenv/versions/3.*/bin/python3"))]
    found += [sys.executable]
    for path in filter(None, found):
        asked = subprocess.run([path, "-c", "import sys, venv; print(sys.version_info[1])"],
                               capture_output=True, text=True, check=False)
        if asked.returncode == 0 and int(asked.stdout) >= least:
            return path
    raise Missing(f"no Python 3.{least} or newer on this machine")


def python_with(name, requirements, least):
    """A virtual environment that has exactly these; its interpreter."""
    place = CACHE / name
    python = place / "bin" / "python"
    mark = place / ".requirements"
    wanted = "\n".join(requirements)
    if python.exists() and mark.exists() and mark.read_text() == wanted:
        return python
    if NO_INSTALL:
        raise Missing(f"not installed (MOQRTC_NO_INSTALL=1): {' '.join(requirements)}")
    base = newer_python(least)
    shutil.rmtree(place, ignore_errors=True)
    for command in ([base, "-m", "venv", place],
                    [python, "-m", "pip", "install", "-q", "--only-binary", ":all:", *requirements]):
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            shutil.rmtree(place, ignore_errors=True)
            raise Missing(f"{' '.join(requirements)}: {done.stderr.strip().splitlines()[-1]}")
    mark.write_text(wanted)
    return python


class Peer:
    name = language = package = ""
    drafts = ()
    transports = ("quic", "webtransport")
    roles = ("publish", "subscribe")
    environment = {"PYTHONDONTWRITEBYTECODE": "1"}

    def prepare(self):
        """Installs it; `Missing` when that cannot be."""

    def publish(self, url, draft, what):
        """The command that publishes groups of known texts; `what` names namespace, track and run."""
        raise NotImplementedError

    def subscribe(self, url, draft, what):
        """The command that prints what it receives as `material.show` does."""
        raise NotImplementedError

    def relay(self, port, draft, certificate):
        """The command of its relay, and the URLs of both transports (None: not spoken)."""
        raise NotImplementedError

    def publish_media(self, url, draft, what, clip):
        """The command that publishes an MP4 with a catalog, as CMAF."""
        raise NotImplementedError

    def subscribe_media(self, url, draft, what, directory):
        """The command that receives a broadcast, and the files that it writes there."""
        raise NotImplementedError

    def test_client(self, url, draft):
        """The command of its interop test client, None when there is none."""
        return None


class PythonPeer(Peer):
    requirements = ()
    least_python = 12
    driver = ""

    def prepare(self):
        self.python = python_with(self.name, self.requirements, self.least_python)

    def drive(self, role, url, draft, what):
        return [self.python, HERE / "drivers" / self.driver, role, url, "--draft", draft,
                "--namespace", what["namespace"], "--track", what["track"], "--run", what["run"]]

    def publish(self, url, draft, what):
        return self.drive("publish", url, draft, what)

    def subscribe(self, url, draft, what):
        return self.drive("subscribe", url, draft, what)


class Aiomoqt(PythonPeer):
    name, language = "aiomoqt", "Python"
    package = "aiomoqt 0.13.3 (PyPI), on aiopquic 0.6.1 (picoquic)"
    requirements = ("aiomoqt==0.13.3", "aiopquic==0.6.1")
    drafts = (14, 16, 18, 20, 22)
    roles = ("publish", "subscribe", "relay", "test client", "publish media", "subscribe media")
    driver = "aiomoqt_driver.py"

    def publish_media(self, url, draft, what, clip):
        return [self.python, "-m", "aiomoqt.tools.pub_media", url, "-k", "-N", what["namespace"], "--mp4", clip,
                "--packaging", "cmaf", "--pub-ns", "--draft", draft, "-t", "15"]

    def subscribe_media(self, url, draft, what, directory):
        command = [self.python, "-m", "aiomoqt.tools.sub_media", url, "-k", "-N", what["namespace"], "--draft",
                   draft, "--out", directory, "-t", "9"]
        return command, (directory / "video.mp4", directory / "audio.mp4")

    def relay(self, port, draft, certificate):
        command = [self.python, "-m", "aiomoqt.tools.moq_interop_relay", "--bind", "127.0.0.1", "--port",
                   port, "--cert", certificate[0], "--key", certificate[1], "--dual", "--draft", draft]
        return command, {"quic": f"moqt://127.0.0.1:{port}", "webtransport": f"https://127.0.0.1:{port}/"}

    def test_client(self, url, draft):
        return [self.python, "-m", "aiomoqt.tools.moq_interop_client", "--relay", url, "--draft", draft,
                "--tls-disable-verify"]


class MoqRs(PythonPeer):
    name, language = "moq-rs", "Rust"
    package = "moq-rs 0.5.1 with moq-ffi 0.4.18 (PyPI): moq-dev's Rust, on quinn"
    requirements = ("moq-rs==0.5.1", "moq-ffi==0.4.18")
    drafts = (14, 15, 16, 17, 18, 19, 20, 21, 22)
    roles = ("publish", "subscribe", "relay")
    driver = "moq_rs_driver.py"
    least_python = 10

    def relay(self, port, draft, certificate):
        command = [self.python, HERE / "drivers" / self.driver, "relay", f"127.0.0.1:{port}", "--seconds", "60"]
        return command, {"quic": f"moqt://127.0.0.1:{port}", "webtransport": f"https://127.0.0.1:{port}/"}


ALL = [Aiomoqt(), MoqRs()]
