"""WebTransport between our own programs: the same media as over raw QUIC, doors, what stays behind."""

import json
import os
import subprocess
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

import lib

CLIENT = lib.BIN / "moqrtc-client"


def https(server, path="/moq"):
    return f"https://127.0.0.1:{server.port}{path}"


def run(command, url, *arguments, timeout=20):
    return subprocess.run([CLIENT, command, url, "--insecure", *arguments], capture_output=True,
                          text=True, timeout=timeout, stdin=subprocess.DEVNULL)


def get(server, path):
    try:
        with urllib.request.urlopen(f"http://{server.http}{path}", timeout=5) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers, refused.read().decode()


class webtransport(unittest.TestCase):
    def setUp(self):
        self.place = lib.Workplace()
        self.addCleanup(self.place.close)
        self.count = 0

    def exchange(self, publish_url, subscribe_url, *more):
        """Publishes a clip and subscribes to it; complaints about what was received."""
        clip = lib.live_clip(6, "320x180")
        self.count += 1
        space = f"live/{self.count}"
        out = self.place.directory / f"out{self.count}.mp4"
        receiver = self.place.client(f"subscribe{self.count}", "subscribe", subscribe_url, "-n", space,
                                     "-o", out, "--wait", "10", "--json", *more)
        time.sleep(0.3)
        sender = self.place.client(f"publish{self.count}", "publish", publish_url, "-n", space, clip,
                                   *more)
        self.assertEqual(sender.wait(30), 0, self.place.tails())
        self.assertEqual(receiver.wait(10), 0, self.place.tails())
        return lib.compare(clip, out, from_start=True)

    def test_packets_are_identical_in_both_drafts(self):
        server = self.place.server()
        for draft in ("18", "16"):
            with self.subTest(draft=draft):
                self.assertEqual(
                    self.exchange(https(server), https(server), "--draft", draft), [])
        self.assertEqual(server.metric("moqrtc_webtransport_sessions_total"), 4)
        self.assertEqual(server.metric("moqrtc_sessions_total"), 4)

    def test_raw_quic_and_webtransport_meet(self):
        server = self.place.server()
        self.assertEqual(self.exchange(https(server, "/publish/abc"), server.url), [])
        self.assertEqual(self.exchange(server.url, https(server, "/playback/abc")), [])
        self.assertEqual(server.metric("moqrtc_webtransport_sessions_total"), 2)
        self.assertEqual(server.metric("moqrtc_sessions_total"), 4)

    def test_each_dialect(self):
        """A server that announces one dialect alone is understood."""
        for dialect in ("02", "07", "13", "15"):
            with self.subTest(dialect=dialect):
                server = self.place.server(name=f"server-{dialect}",
                                           more=("--webtransport-dialects", dialect))
                done = run("namespaces", https(server))
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(server.metric("moqrtc_webtransport_sessions_total"), 1)
                self.assertEqual(server.stop(), 0, server.tail())
        server = self.place.server(name="server-off", more=("--webtransport-dialects", "off"))
        self.assertEqual(run("namespaces", https(server)).returncode, 3)

    def test_transport_is_chosen(self):
        server = self.place.server()
        for url, arguments, sessions in ((server.url, (), 0), (server.url, ("--transport", "quic"), 0),
                                         (server.url, ("--transport", "webtransport"), 1),
                                         (https(server), (), 2), (https(server, ""), (), 3)):
            done = run("namespaces", url, *arguments)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(server.metric("moqrtc_webtransport_sessions_total"), sessions, url)
        self.assertEqual(run("namespaces", https(server), "--transport", "quic").returncode, 2)
        self.assertEqual(server.metric("moqrtc_sessions_total"), 5)

    def test_sessions_name_their_door(self):
        server = self.place.server()
        for draft in ("18", "16"):
            for url, transport in ((https(server), "webtransport"), (server.url, "quic")):
                with self.subTest(draft=draft, transport=transport):
                    path = f"/playback/{transport}{draft}"
                    base = url.removesuffix("/moq")
                    waiting = self.place.client(
                        transport + draft, "subscribe", base + path + "?token=secret", "-n", "a", "--wait",
                        "60", "--draft", draft, "-o", self.place.directory / (transport + draft + ".mp4"))
                    end = time.monotonic() + 5
                    sessions = []
                    while time.monotonic() < end and not sessions:
                        text = get(server, "/api/v1/sessions")[2]
                        self.assertNotIn("secret", text + server.err())
                        sessions = [s for s in json.loads(text)["sessions"] if s["door"] == path]
                        time.sleep(0.05)
                    self.assertEqual([s["transport"] for s in sessions], [transport], waiting.tail())
                    self.assertEqual([s["draft"] for s in sessions], [int(draft)])
                    waiting.stop()

    def test_pages_of_other_hosts(self):
        server = self.place.server()
        done = run("namespaces", https(server), "--origin", "https://evil.example")
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("HTTP status 403", done.stderr)
        self.assertEqual(run("namespaces", https(server), "--origin", f"http://{server.http}").returncode, 0)
        self.assertEqual(run("namespaces", https(server), "--origin", "http://localhost:1").returncode, 0)
        other = self.place.server(name="other", more=("--origin", "https://evil.example"))
        self.assertEqual(run("namespaces", https(other), "--origin", "https://evil.example").returncode, 0)
        self.assertEqual(run("namespaces", https(other), "--origin", "http://localhost").returncode, 4)
        open_one = self.place.server(name="open", more=("--origin", "any"))
        self.assertEqual(run("namespaces", https(open_one), "--origin", "null").returncode, 0)

    def test_refused_paths_show_their_status(self):
        server = self.place.server()
        for path in ("/nothing", "/moq/more", "/publish/", "/playback/a/b", "/web/index.html"):
            done = run("namespaces", https(server, path))
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("HTTP status 404", done.stderr)
            status, headers, _ = get(server, "/api/v1/door?path=" + urllib.parse.quote(path))
            self.assertEqual((status, headers["x-moq-door"]), (404, "1"), path)
        for path in ("/moq", "/publish/a", "/playback/b?token=x", "/"):
            status, headers, _ = get(server, "/api/v1/door?path=" + urllib.parse.quote(path))
            self.assertEqual((status, headers["x-moq-door"]), (200, "1"), path)
        self.assertEqual(server.metric("moqrtc_webtransport_sessions_refused_total"), 5)
        self.assertEqual(server.metric("moqrtc_sessions_total"), 0)
        self.assertIn("door_refused", server.err())

    def test_too_many_sessions(self):
        server = self.place.server(more=("--limits.sessions", "1"))
        waiting = self.place.client("waiting", "subscribe", https(server), "-n", "a", "--wait", "60",
                                    "-o", self.place.directory / "x.mp4")
        end = time.monotonic() + 5
        while time.monotonic() < end and server.metric("moqrtc_sessions") != 1:
            time.sleep(0.05)
        done = run("namespaces", https(server))
        self.assertIn("HTTP status 429", done.stderr)
        waiting.stop()
        done = run("namespaces", https(server))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_leaving_server(self):
        """SIGTERM ends WebTransport sessions as it does others, and their clients come back."""
        server = self.place.server()
        waiting = self.place.client("waiting", "subscribe", https(server), "-n", "live/a", "--wait", "60",
                                    "--reconnect", "-o", self.place.directory / "x.mp4")
        end = time.monotonic() + 5
        while time.monotonic() < end and server.metric("moqrtc_sessions") != 1:
            time.sleep(0.05)
        self.assertEqual(server.stop(15), 0, server.tail())
        again = self.place.server(name="again", port=server.port)
        end = time.monotonic() + 10
        while time.monotonic() < end and again.metric("moqrtc_sessions") != 1:
            time.sleep(0.05)
        self.assertEqual(again.metric("moqrtc_sessions_webtransport"), 1, waiting.tail())

    def test_upstream(self):
        """A relay that asks another one over WebTransport."""
        origin = self.place.server(name="origin")
        edge = self.place.server(name="edge", more=("--upstream", https(origin), "--insecure-upstream"))
        self.assertEqual(self.exchange(origin.url, https(edge)), [])
        self.assertEqual(origin.metric("moqrtc_webtransport_sessions_total"), 1)

    def test_connects_leave_nothing(self):
        """After 1,000 connects and disconnects memory is at most 5 % above that after 200."""
        server = self.place.server(more=("--quic.idle-timeout", "3"))

        def memory():
            with open(f"/proc/{server.pid}/smaps_rollup") as text:
                return next(int(line.split()[1]) for line in text if line.startswith("Rss:"))

        def descriptors():
            return len(os.listdir(f"/proc/{server.pid}/fd"))

        def settle():
            # Those that were cut off are missed when they do not answer for the idle timeout.
            end = time.monotonic() + 15
            while time.monotonic() < end and (server.metric("moqrtc_quic_connections") or
                                              server.metric("moqrtc_sessions")):
                time.sleep(0.05)
            self.assertEqual(server.metric("moqrtc_sessions"), 0)
            time.sleep(0.3)
            return memory(), descriptors(), server.metric("moqrtc_pool_bytes")

        def connect(count):
            done, running = 0, []
            while done < count or running:
                while done < count and len(running) < 8:
                    # Every tenth one is cut off in the middle.
                    cut = done % 10 == 9
                    running.append((cut, time.monotonic(), subprocess.Popen(
                        [CLIENT, "namespaces", https(server), "--insecure"],
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)))
                    done += 1
                for one in list(running):
                    cut, started, process = one
                    if cut and time.monotonic() - started > 0.1:
                        process.kill()
                    if process.poll() is not None:
                        running.remove(one)
                        if not cut:
                            self.assertEqual(process.returncode, 0)
                time.sleep(0.005)

        connect(200)
        first = settle()
        connect(800)
        last = settle()
        self.assertEqual(server.metric("moqrtc_http3_requests_total"), 0)
        self.assertGreaterEqual(server.metric("moqrtc_webtransport_sessions_total"), 900)
        self.assertLessEqual(last[0], first[0] * 1.05, (first, last))
        self.assertEqual(last[1:], first[1:])


if __name__ == "__main__":
    unittest.main()
