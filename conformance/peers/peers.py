"""Other people's implementations: where they come from, what they speak, how they are started.

Versions are pinned to what was tried. Nothing of them is in this repository: `prepare` installs
them into the user's cache by their registry's own client.
"""

import os
import re
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


class Moqtransport(Peer):
    """Eyevinn's fork of mengelbart's, with a driver of ours that the Go toolchain builds."""

    name, language = "moqtransport", "Go"
    package = "github.com/Eyevinn/moqtransport v0.9.0 (Go modules), on quic-go 0.60.0"
    drafts = (14, 16)
    source = HERE / "drivers" / "moqtransport"

    def prepare(self):
        place = CACHE / self.name
        self.driver = place / "driver"
        mark = place / ".source"
        wanted = "".join((self.source / file).read_text() for file in ("main.go", "go.mod", "go.sum"))
        if self.driver.exists() and mark.exists() and mark.read_text() == wanted:
            return
        if NO_INSTALL:
            raise Missing("not built (MOQRTC_NO_INSTALL=1)")
        if not shutil.which("go"):
            raise Missing("no Go on this machine")
        place.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["nice", "-n", "19", "go", "build", "-p", "1", "-buildvcs=false", "-o", self.driver, "."],
                              cwd=self.source, capture_output=True, text=True, check=False,
                              env={**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"})
        if done.returncode != 0:
            raise Missing((done.stderr.strip().splitlines() or ["go build failed"])[-1])
        mark.write_text(wanted)

    def drive(self, role, url, draft, what):
        return [self.driver, role, url, "--draft", draft, "--namespace", what["namespace"], "--track",
                what["track"], "--run", what["run"]]

    def publish(self, url, draft, what):
        return self.drive("publish", url, draft, what)

    def subscribe(self, url, draft, what):
        return self.drive("subscribe", url, draft, what)


class MoqIetf(Peer):
    """Cloudflare's, from crates.io: a build of about 300 crates, so only where it is asked for."""

    name, language = "moq-rs-ietf", "Rust"
    package = "moq-relay-ietf 0.8.0, moq-test-client 0.2.0 (crates.io): Cloudflare's, on quinn"
    crates = ("moq-relay-ietf@0.8.0", "moq-test-client@0.2.0")
    drafts = (18,)
    roles = ("relay", "test client")

    def prepare(self):
        place = CACHE / self.name
        self.bin = place / "bin"
        self.place = place
        if all((self.bin / c.split("@")[0]).exists() for c in self.crates):
            return
        if NO_INSTALL or os.environ.get("MOQRTC_PEERS_BUILD") != "1":
            raise Missing("MOQRTC_PEERS_BUILD=1 builds it (some 300 crates)")
        if not shutil.which("cargo"):
            raise Missing("no cargo on this machine")
        for crate in self.crates:
            done = subprocess.run(["nice", "-n", "19", "cargo", "install", "--debug", "-j1", "--root", place, crate],
                                  capture_output=True, text=True, check=False,
                                  env={**os.environ, "CARGO_TARGET_DIR": str(place / "target"),
                                       "CARGO_PROFILE_DEV_DEBUG": "0", "CARGO_INCREMENTAL": "0"})
            if done.returncode != 0:
                raise Missing(f"{crate}: {done.stderr.strip().splitlines()[-1]}")
        shutil.rmtree(place / "target", ignore_errors=True)

    def relay(self, port, draft, certificate):
        command = [self.bin / "moq-relay-ietf", "--bind", f"127.0.0.1:{port}", "--tls-cert", certificate[0],
                   "--tls-key", certificate[1], "--tls-disable-verify", "--coordinator-file",
                   certificate[0].parent / f"coordinator-{port}.json"]
        return command, {"quic": f"moqt://127.0.0.1:{port}", "webtransport": f"https://127.0.0.1:{port}/"}

    def test_client(self, url, draft):
        return [self.bin / "moq-test-client", "--relay", url, "--tls-disable-verify"]


class BrowserPeer(Peer):
    """A package that lives in a page: the cases of tests/browser that play it, in Chromium.

    `cases` maps (draft, cell) to a case's name; a case in `failures` passes when the failure that it
    shows is still there, so its cell is red with the reason that stands beside it.
    """

    language = "JavaScript"
    transports = ("webtransport",)
    roles = ()
    cases, failures = {}, {}

    def prepare(self):
        if not shutil.which("chromium") or not shutil.which("node"):
            raise Missing("Chromium or Node.js is not on this machine")
        if NO_INSTALL and not (HERE.parents[1] / "tests/browser/node_modules").is_dir():
            raise Missing("not installed (MOQRTC_NO_INSTALL=1)")

    @property
    def drafts(self):
        return sorted({draft for draft, _ in (*self.cases, *self.failures)})

    def play(self, pattern):
        """Runs its cases; what each name came to."""
        done = subprocess.run([HERE.parents[1] / "tests/browser/run", "-R", pattern], capture_output=True,
                              text=True, check=False)
        text = done.stdout + done.stderr
        return {name: re.search(rf"\u2714 {re.escape(name)} \(", text) is not None
                for name in (*self.cases.values(), *(name for name, _ in self.failures.values()))}


class MoqNet(BrowserPeer):
    name, package = "@moq/net", "@moq/net 0.3.4 (npm) in Chromium: moq-dev's TypeScript"
    language = "TypeScript"
    cases = {(d, cell): f"@moq/net, draft {d}: {what}" for d in range(14, 21)
             for cell, what in (("sub", "subscribes"), ("pub", "publishes"))}
    cases |= {(d, ">media"): f"@moq/net, draft {d}: subscribes to media" for d in (14, 15, 16)}
    failures = {(d, ">media"): (
        f"@moq/net 0.3.4, draft {d}: reads LARGEST_OBJECT with a length that the draft does not have",
        "it reads LARGEST_OBJECT of SUBSCRIBE_OK with a length in front (\"read size ... exceeds max size\"); drafts 17 "
        "to 20, section \"LARGEST OBJECT Parameter\": \"a Location\", which has none") for d in (17, 18, 19, 20)}


class Moqt(BrowserPeer):
    name = "@moqt/webtransport"
    package = "@moqt/webtransport and @moqt/transport 0.5.7 (npm) in Chromium: OpenMOQ's TypeScript"
    language = "TypeScript"
    cases = {(d, cell): f"@moqt/webtransport, draft {d}: {what}" for d in (14, 16, 18)
             for cell, what in (("sub", "subscribes"), ("pub", "publishes"), (">media", "subscribes to media"))}


class Shaka(BrowserPeer):
    name, package = "shaka-player", "shaka-player 5.2.12 (npm) in Chromium"
    cases = {(14, ">media"): "shaka-player, MSF of draft 14: plays"}
    failures = {(16, ">media"): (
        "shaka-player 5.2.12, draft 16, as it is: GROUP_ORDER 0 ends the session",
        "its SUBSCRIBE has GROUP_ORDER 0; draft 16, section \"GROUP ORDER Parameter\": an endpoint that receives a value "
        "outside of 1 and 2 \"MUST close the session with PROTOCOL_VIOLATION\" (with 1 in its place it plays)")}


ALL = [Aiomoqt(), MoqRs(), Moqtransport(), MoqIetf(), MoqNet(), Moqt(), Shaka()]
