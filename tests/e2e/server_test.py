"""The server as an operator sees it: ready line, HTTP, arguments, signals, garbage."""

import array
import fcntl
import json
import os
import random
import re
import signal
import socket
import subprocess
import termios
import time
import unittest
import urllib.error
import urllib.request

import lib

BINARY = lib.BIN / "moqrtc-server"


def run(*arguments, **environment):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=20,
                          stdin=subprocess.DEVNULL, env={**os.environ, **environment})


def get(http, path, method="GET", body=None):
    """Status, headers and body, also of refusals."""
    request = urllib.request.Request(f"http://{http}{path}", method=method, data=body)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers, refused.read().decode()


def connect(http):
    host, port = http.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=20)


def read_all(peer):
    out = b""
    try:
        while piece := peer.recv(65536):
            out += piece
    except ConnectionResetError:
        pass
    return out


class control_plane(unittest.TestCase):
    def setUp(self):
        self.place = lib.Workplace()
        self.addCleanup(self.place.close)

    def subscriber(self, server):
        """A session that waits for what nobody publishes."""
        return self.place.client("waiting", "subscribe", server.url, "-n", "no/body", "--wait", "60",
                                 "-o", self.place.directory / "nothing.mp4")

    def test_ready_line(self):
        server = self.place.server()
        self.assertEqual(len(server.out().splitlines()), 1)
        self.assertEqual(set(server.ready), {"event", "quic", "http", "https", "cert_sha256", "drafts"})
        self.assertRegex(server.ready["cert_sha256"], "^[0-9a-f]{64}$")
        self.assertNotEqual(server.port, 0)
        self.assertEqual(server.stop(), 0, server.tail())
        self.assertEqual(len(server.out().splitlines()), 1)

    def test_every_address(self):
        server = self.place.add(lib.Program(
            "open", [BINARY, "--listen", "*:0", "--http", "off", "--https", "off", "--auth", "off", "--data-dir",
                     self.place.directory / "open"], self.place.directory))
        self.assertTrue(server.wait_for("ready", 15, where="out"), server.tail())
        host, port = json.loads(server.out())["quic"].rsplit(":", 1)
        self.assertIn(host, ("[::]", "0.0.0.0"))
        peers = ["127.0.0.1"]
        if host == "[::]":
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
                if probe.connect_ex(("::1", 9)) == 0:  # the machine has that address
                    peers.append("[::1]")
        for peer in peers:
            asked = subprocess.run([lib.BIN / "moqrtc-client", "namespaces", f"moqt://{peer}:{port}",
                                    "--insecure"], capture_output=True, text=True, timeout=20)
            self.assertEqual(asked.returncode, 0, peer + asked.stderr)
        self.assertEqual(server.stop(), 0)

    def test_without_http(self):
        server = self.place.add(lib.Program(
            "quiet", [BINARY, "--listen", "127.0.0.1:0", "--http", "off", "--https", "off", "--data-dir",
                      self.place.directory / "d", "--log-format", "json"], self.place.directory))
        self.assertTrue(server.wait_for("ready", 15, where="out"), server.tail())
        self.assertNotIn("http", json.loads(server.out()))
        self.assertEqual(server.stop(), 0)
        for line in server.err().splitlines():
            entry = json.loads(line)
            self.assertLessEqual({"time", "level", "event"}, set(entry))

    def test_http(self):
        server = self.place.server()
        self.assertEqual(get(server.http, "/healthz")[::2], (200, "ok\n"))
        self.assertEqual(get(server.http, "/readyz?x=1")[::2], (200, "ready\n"))
        status, headers, text = get(server.http, "/certificate.sha256")
        self.assertEqual(text.split(), [server.ready["cert_sha256"]])
        self.assertEqual(headers["Access-Control-Allow-Origin"], "*")
        self.assertEqual(get(server.ready["quic"], "/certificate.sha256")[2], text)
        self.assertEqual(get(server.ready["quic"], "/metrics")[0], 404)
        status, headers, text = get(server.http, "/metrics")
        self.assertTrue(headers["Content-Type"].startswith("text/plain; version=0.0.4"))
        self.assertIn('moqrtc_sessions{shard="0"} 0\n', text)
        info = json.loads(get(server.http, "/api/v1/info")[2])
        self.assertEqual(info["quic"], server.ready["quic"])
        self.assertEqual(json.loads(get(server.http, "/api/v1/streams")[2])["tracks"], [])
        self.assertEqual(json.loads(get(server.http, "/api/v1/sessions")[2])["sessions"], [])
        page = get(server.http, "/status")[2]
        self.assertIn("<!doctype html>", page)
        self.assertNotRegex(page, "(src|href)=")
        self.assertEqual(get(server.http, "/nothing")[0], 404)
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            status, headers, _ = get(server.http, "/metrics", method, b"x")
            self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD"))
        status, headers, text = get(server.http, "/status", "HEAD")
        self.assertEqual((status, text, headers["Content-Length"]), (200, "", str(len(page.encode()))))

    def test_web_client(self):
        server = self.place.server()
        for path in ("/", "/play/live/a", "/publish", "/web/index.html"):
            status, headers, text = get(server.http, path)
            self.assertEqual((status, headers["Content-Type"]), (200, "text/html; charset=utf-8"))
            self.assertIn("<!doctype html>", text)
            policy = headers["Content-Security-Policy"]
            self.assertIn("default-src 'none'", policy)
            self.assertIn("https://127.0.0.1:*", policy)
            self.assertNotIn("unsafe-inline", policy)
        request = urllib.request.Request(f"http://{server.http}/",
                                         headers={"If-None-Match": get(server.http, "/")[1]["ETag"]})
        with self.assertRaises(urllib.error.HTTPError) as known:
            urllib.request.urlopen(request, timeout=5)
        self.assertEqual((known.exception.code, known.exception.read()), (304, b""))
        for path in ("/web/", "/web/none.js", "/web/..", "/web/%2e%2e/x", "/player", "/web"):
            self.assertEqual(get(server.http, path)[0], 404, path)

    def test_web_directory(self):
        files = self.place.directory / "web"
        files.mkdir()
        (files / "play.html").write_text("mine")
        (files / "new.wasm").write_bytes(b"\0asm")
        (self.place.directory / "secret.txt").write_text("secret")
        (files / "out.txt").symlink_to(self.place.directory / "secret.txt")
        server = self.place.server(more=("--web-dir", files))
        self.assertEqual(get(server.http, "/play/x")[2], "mine")
        (files / "play.html").write_text("changed")
        self.assertEqual(get(server.http, "/play/x")[2], "changed")
        self.assertEqual(get(server.http, "/web/new.wasm")[1]["Content-Type"], "application/wasm")
        self.assertIn("<!doctype html>", get(server.http, "/")[2]) # built in
        for path in ("/web/out.txt", "/web/../secret.txt", "/web//secret.txt"):
            self.assertEqual(get(server.http, path)[0], 404, path)

    def test_other_names(self):
        """A page elsewhere that gives its own name our address learns nothing (DNS rebinding)."""
        def ask(server, host, path):
            request = urllib.request.Request(f"http://{server.http}{path}", headers={"Host": host})
            try:
                with urllib.request.urlopen(request, timeout=5) as answer:
                    return answer.status
            except urllib.error.HTTPError as refused:
                return refused.code

        server = self.place.server(more=("--host", "relay.example,*.wild.example",
                                         "--cert-name", "in.the.certificate"))
        for path in ("/api/v1/info", "/api/v1/streams", "/api/v1/sessions", "/status"):
            for host in ("evil.example", "evil.example:8080", "127.0.0.1.evil.example", "a.b.wild.example"):
                self.assertEqual(ask(server, host, path), 403, host)
            for host in ("localhost", "LOCALHOST:1", "[::1]:80", "10.0.0.7", "relay.example",
                         "Relay.Example.:99", "a.wild.example", "in.the.certificate"):
                self.assertEqual(ask(server, host, path), 200, host)
        self.assertEqual(ask(server, "evil.example", "/healthz"), 200)

    def test_unusable_hash(self):
        """A certificate that browsers do not take by its hash is told in the log."""
        key, cert = self.place.directory / "k.pem", self.place.directory / "c.pem"
        for kind, days, warned in ((("ec", "-pkeyopt", "ec_paramgen_curve:P-256"), 13, None),
                                   (("ec", "-pkeyopt", "ec_paramgen_curve:P-256"), 30, "14 days"),
                                   (("ec", "-pkeyopt", "ec_paramgen_curve:P-384"), 13, "P-256"),
                                   (("rsa:2048",), 13, "P-256")):
            subprocess.run(["openssl", "req", "-x509", "-nodes", "-newkey", *kind, "-keyout", key,
                            "-out", cert, "-days", str(days), "-subj", "/CN=x"], check=True,
                           capture_output=True)
            server = self.place.server(name=f"{kind[-1]}-{days}", more=("--cert", cert, "--key", key))
            self.assertEqual(server.stop(), 0, server.tail())
            line = [one for one in server.err().splitlines() if "certificate_hash_unusable" in one]
            self.assertEqual(len(line), 0 if warned is None else 1, server.tail())
            if warned:
                self.assertIn(warned, line[0])

    def test_keep_alive(self):
        server = self.place.server()
        with connect(server.http) as peer:
            ask = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
            peer.sendall(ask * 20 + ask.replace(b"Host", b"Connection: close\r\nHost"))
            self.assertEqual(read_all(peer).count(b"HTTP/1.1 200 OK"), 21)

    def test_garbage_on_http(self):
        server = self.place.server(more=("--limits.http-connections", "50"))
        dice = random.Random(3)
        for text, status in ((b"garbage\r\n\r\n", b" 400 "), (b"GET / HTTP/9.9\r\n\r\n", b" 400 "),
                             (b"GET / HTTP/1.1\r\nA: " + b"x" * 100_000, b" 431 "),
                             (b"GET /" + b"x" * 100_000, b" 431 ")):
            with connect(server.http) as peer:
                peer.sendall(text)
                self.assertIn(status, read_all(peer).split(b"\r\n")[0] + b" ", text[:30])
        for size in range(0, 3000, 97):
            with connect(server.http) as peer:
                peer.sendall(dice.randbytes(size))
        whole = b"GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc"
        for size in range(len(whole)):
            with connect(server.http) as peer:
                peer.sendall(whole[:size])
        self.assertEqual(get(server.http, "/healthz")[0], 200, server.tail())
        # Silent clients use up the room, the next are turned away, and room comes back.
        time.sleep(0.3)
        silent = [connect(server.http) for _ in range(60)]
        time.sleep(0.3)
        with connect(server.http) as peer:
            peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertEqual(read_all(peer), b"")
        for peer in silent:
            peer.close()
        time.sleep(0.2)
        self.assertEqual(get(server.http, "/healthz")[0], 200)

    def test_second_terminate_ends_at_once(self):
        server = self.place.server(more=("--drain", "60"))
        peer = self.subscriber(server)
        self.assertTrue(server.wait_for("session_up", 10), self.place.tails())
        server.process.send_signal(signal.SIGTERM)
        self.assertTrue(server.wait_for("draining", 5), server.tail())
        self.assertEqual(get(server.http, "/readyz")[::2], (503, "draining\n"))
        self.assertEqual(get(server.http, "/healthz")[0], 200)
        self.assertEqual(server.metric("moqrtc_draining"), 1)
        self.assertTrue(server.running())
        began = time.monotonic()
        self.assertEqual(server.stop(5), 0)
        self.assertLess(time.monotonic() - began, 1)
        peer.kill()

    def test_drain_waits_no_longer_than_told(self):
        server = self.place.server(more=("--drain", "1.5"))
        peer = self.subscriber(server)
        self.assertTrue(server.wait_for("session_up", 10), self.place.tails())
        began = time.monotonic()
        self.assertEqual(server.stop(10), 0, server.tail())
        self.assertLess(time.monotonic() - began, 4)
        # The client is told, by GOAWAY or by the end of the connection.
        self.assertIsNotNone(peer.wait(5), peer.tail())

    def test_without_sessions_it_ends_soon(self):
        server = self.place.server(more=("--drain", "60"))
        began = time.monotonic()
        self.assertEqual(server.stop(10), 0, server.tail())
        self.assertLess(time.monotonic() - began, 3)

    def test_reload(self):
        config = self.place.directory / "server.toml"
        config.write_text('log-level = "info"\ndrain = 1\n')
        server = self.place.server(more=("--config", config))
        peer = self.subscriber(server)
        self.assertTrue(server.wait_for("session_up", 10), self.place.tails())

        config.write_text('log-level = "debug"\ndrain = 2\n[cache]\ngroups = 3\n')
        server.process.send_signal(signal.SIGHUP)
        self.assertTrue(server.wait_for("reloaded", 5), server.tail())
        self.assertIn("setting_changed key=log-level value=debug", server.err())
        self.assertIn("setting_needs_restart key=cache.groups", server.err())

        config.write_text("drain = x\n")
        server.process.send_signal(signal.SIGHUP)
        self.assertTrue(server.wait_for("reload_refused", 5), server.tail())
        self.assertIn("server.toml:1: ", server.err())
        self.assertTrue(peer.running(), peer.tail())
        self.assertEqual(server.metric("moqrtc_sessions"), 1)

    def test_reload_of_certificate(self):
        other = self.place.server(name="other")
        made = other.data / "certificate.pem"
        cert = self.place.directory / "mine.pem"
        first = self.place.server(name="first")
        cert.write_bytes((first.data / "certificate.pem").read_bytes())
        server = self.place.server(more=("--cert", cert, "--key", cert))
        self.assertEqual(server.ready["cert_sha256"], first.ready["cert_sha256"])
        cert.write_bytes(b"broken")
        server.process.send_signal(signal.SIGHUP)
        self.assertTrue(server.wait_for("certificate_refused", 5), server.tail())
        self.assertEqual(get(server.http, "/certificate.sha256")[2].split(),
                         [first.ready["cert_sha256"]])
        cert.write_bytes(made.read_bytes())
        server.process.send_signal(signal.SIGHUP)
        self.assertTrue(server.wait_for("certificate_changed", 5), server.tail())
        self.assertEqual(get(server.http, "/certificate.sha256")[2].split(),
                         [other.ready["cert_sha256"]])

    def test_reload_drops_nothing(self):
        """Configuration and certificate change under a session that goes on, object by object; the
        next session sees the new ones."""
        first, second = (self.place.server(name=name) for name in ("first", "second"))
        cert = self.place.directory / "mine.pem"
        cert.write_bytes((first.data / "certificate.pem").read_bytes())
        config = self.place.directory / "server.toml"
        config.write_text("drain = 1\n")
        server = self.place.server(more=("--cert", cert, "--key", cert, "--config", config))
        feed = subprocess.Popen(["sh", "-c", "for i in $(seq 1 60); do echo line$i; sleep 0.05; done"],
                                stdout=subprocess.PIPE)
        self.addCleanup(feed.wait)
        self.addCleanup(feed.kill)
        self.addCleanup(feed.stdout.close)
        sender = self.place.client("sender", "send", server.url, "-n", "live/a", "--track", "t",
                                   stdin=feed.stdout)
        pinned = ["-n", "live/a", "--track", "t", "--wait", "10"]
        receiver = self.place.client("receiver", "recv", server.url, *pinned)
        self.assertTrue(receiver.wait_for("line", 10, where="out"), self.place.tails())
        config.write_text('drain = 2\nlog-level = "debug"\n')
        cert.write_bytes((second.data / "certificate.pem").read_bytes())
        server.process.send_signal(signal.SIGHUP)
        self.assertTrue(server.wait_for("reloaded", 5), server.tail())
        self.assertIn("certificate_changed", server.err())
        self.assertIn("setting_changed key=drain", server.err())
        # Whoever comes now is shown the new certificate.
        for made, ends in ((second, 0), (first, None)):
            late = subprocess.run(
                [lib.BIN / "moqrtc-client", "namespaces", server.url, "--cert-sha256",
                 made.ready["cert_sha256"]], capture_output=True, text=True, timeout=20)
            self.assertEqual(late.returncode == 0, ends == 0, late.stderr)
        self.assertEqual(sender.wait(20), 0, sender.tail())
        self.assertIsNotNone(receiver.wait(10), receiver.tail())
        got = [int(line[4:]) for line in receiver.out().splitlines()]
        self.assertEqual(got, list(range(got[0], 61)))

    def test_certificate_and_secrets_last(self):
        server = self.place.server()
        def kept():
            """What a restart leaves as it is: the database has its own test."""
            return {p.name: p.read_bytes() for p in server.data.iterdir()
                    if p.is_file() and not p.name.startswith("control.db")}

        before = kept()
        for file in server.data.iterdir():
            self.assertEqual(file.stat().st_mode & 0o077, 0, file)
        server.kill()
        again = self.place.server(name="again", data=server.data)
        self.assertEqual(again.ready["cert_sha256"], server.ready["cert_sha256"])
        self.assertEqual(kept(), before)

    def test_restart_after_a_crash_ends_old_connections(self):
        server = self.place.server()
        peer = self.subscriber(server)
        self.assertTrue(server.wait_for("session_up", 10), self.place.tails())
        server.kill()
        again = self.place.server(name="again", port=server.port, data=server.data)
        # The client asks every 3 s whether the server is there, and learns that it was forgotten.
        end = time.monotonic() + 8
        while time.monotonic() < end and not again.metric("moqrtc_quic_stateless_resets_sent_total"):
            time.sleep(0.1)
        self.assertGreater(again.metric("moqrtc_quic_stateless_resets_sent_total"), 0, again.tail())
        self.assertIsNotNone(peer.wait(2), peer.tail())


    def test_upstream_comes_and_goes(self):
        origin = self.place.server(name="origin")
        edge = self.place.server(name="edge", more=("--upstream", origin.url,
                                                    "--upstream-cert-sha256",
                                                    origin.ready["cert_sha256"], "--drain", "60"))

        def connected(wanted, seconds=15):
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                if edge.metric("moqrtc_upstreams_connected") == wanted:
                    return True
                time.sleep(0.05)
            return False

        self.assertTrue(connected(1), self.place.tails())
        origin.stop()
        self.assertTrue(connected(0), self.place.tails())
        self.place.server(name="back", port=origin.port, data=origin.data)
        self.assertTrue(connected(1), self.place.tails())
        # A session of our own making is nobody to wait for.
        began = time.monotonic()
        self.assertEqual(edge.stop(10), 0, edge.tail())
        self.assertLess(time.monotonic() - began, 3)

    def test_upstream_with_another_certificate_is_not_believed(self):
        origin = self.place.server(name="origin")
        edge = self.place.server(name="edge", more=("--upstream", origin.url,
                                                    "--upstream-cert-sha256", "00" * 32))
        time.sleep(1.5)
        self.assertEqual(edge.metric("moqrtc_upstreams_connected"), 0)
        self.assertEqual(origin.metric("moqrtc_sessions_total"), 0)

    def test_log_that_nobody_reads_holds_nobody_up(self):
        server = subprocess.Popen(
            [BINARY, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--https", "off", "--data-dir",
             self.place.directory / "d"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.stderr.close)
        http = json.loads(server.stdout.readline())["http"]
        for _ in range(4000):  # more than a pipe holds
            server.send_signal(signal.SIGHUP)
            time.sleep(0.0005)
        waiting = array.array("i", [0])
        fcntl.ioctl(server.stderr, termios.FIONREAD, waiting)
        self.assertGreater(waiting[0], 60_000, "the pipe is full")
        self.assertEqual(get(http, "/healthz")[0], 200)
        self.assertEqual(get(http, "/metrics")[0], 200)
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(8), 0)


class arguments(unittest.TestCase):
    def test_bad_arguments(self):
        for given, message in (
            (["--nonsense"], "--nonsense"),
            (["--listen", "nowhere"], "--listen: "),
            (["--drain", "soon"], "--drain: "),
            (["--limits.memory", "1KiB"], "--limits.memory: "),
            (["--http", "0.0.0.0:0", "--auth", "off"], "--http: "),
            (["--cert", "/nonexistent"], "key: "),
            (["--cert", "/nonexistent", "--key", "/nonexistent"], "cert: "),
            (["--config", "/nonexistent"], "/nonexistent"),
            (["--upstream", "http://localhost/moq"], "--upstream: "),
            (["--drafts", "13"], "--drafts: "),
        ):
            done = run(*given, "--check-config")
            self.assertEqual(done.returncode, 2, f"{given}: {done.stderr}")
            self.assertIn(message, done.stderr)
            self.assertEqual(done.stdout, "")

    def test_configuration_names_key_and_line(self):
        with lib.Workplace() as place:
            path = place.directory / "c.toml"
            path.write_text('listen = "127.0.0.1:0"\n\n[cache]\ngroups = "many"\n')
            for more in ([], ["--check-config"]):
                done = run("--config", path, *more)
                self.assertEqual(done.returncode, 2)
                self.assertIn(f"{path}:4: cache.groups: ", done.stderr)
            path.write_text("[cache]\ngroups = 5\n")
            self.assertEqual(run("--config", path, "--check-config").returncode, 0)

    def test_environment_of_the_runner(self):
        self.assertEqual(run("--check-config", MOQT_PORT="4443").returncode, 0)
        self.assertEqual(run("--check-config", MOQT_PORT="nowhere").returncode, 2)
        self.assertIn("MOQT_ROLE", run("--check-config", MOQT_ROLE="publisher").stderr)

    def test_help_names_every_setting(self):
        text = run("--help").stdout
        names = re.findall(r"^\| `(--[a-z.0-9-]+)", run("--print-settings").stdout, re.M)
        self.assertGreater(len(names), 40)
        for name in names:
            self.assertRegex(text, re.escape(name) + r"\b")

    def test_ports_in_use(self):
        """What is taken is named, and so is what to do."""
        free = {"--listen": "127.0.0.1:0", "--http": "off", "--https": "off"}
        with lib.Workplace() as place:
            data = ["--data-dir", place.directory / "d"]
            for setting, kind in (("--listen", socket.SOCK_DGRAM), ("--http", socket.SOCK_STREAM),
                                  ("--https", socket.SOCK_STREAM)):
                with socket.socket(socket.AF_INET, kind) as other:
                    other.bind(("127.0.0.1", 0))
                    if kind == socket.SOCK_STREAM:
                        other.listen()
                    at = f"127.0.0.1:{other.getsockname()[1]}"
                    done = run(*(part for pair in {**free, setting: at}.items() for part in pair),
                               *data)
                    self.assertEqual((done.returncode, done.stdout), (3, ""), done.stderr)
                    self.assertIn(at, done.stderr)
                    self.assertIn(f"choose another with {setting} HOST:PORT", done.stderr)
                    self.assertEqual(f"or {setting} off" in done.stderr, setting != "--listen")
        text = run("--print-settings").stdout
        self.assertIn("| `--https HOST:PORT` | `https = \"HOST:PORT\"` | `127.0.0.1:8443` |", text)

    def test_damaged_data_directory(self):
        with lib.Workplace() as place:
            data = place.directory / "d"
            data.mkdir()
            (data / "quic-secrets").write_bytes(b"short")
            done = run("--listen", "127.0.0.1:0", "--http", "off", "--https", "off", "--data-dir", data)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("quic-secrets", done.stderr)
            done = run("--listen", "127.0.0.1:0", "--http", "off", "--https", "off", "--data-dir",
                       data / "quic-secrets")
            self.assertEqual(done.returncode, 1, done.stderr)


if __name__ == "__main__":
    unittest.main()
