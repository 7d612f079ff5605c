"""Doors that tokens open, over sockets: raw QUIC and WebTransport, expiry, revocation, renewal in band,
the kill switch; and that no secret is left in anything that a run writes."""

import http.client
import json
import subprocess
import time
import unittest
from pathlib import Path

import lib

REFUSED = 4  # exit status of the client


def ask(address, method, path, body=None, key=None):
    peer = http.client.HTTPConnection(address, timeout=10)
    fields = {"Authorization": f"Bearer {key}"} if key else {}
    if body is not None:
        fields["Content-Type"] = "application/json"
        body = json.dumps(body)
    peer.request(method, path, body, fields)
    answer = peer.getresponse()
    text = answer.read().decode()
    peer.close()
    return answer.status, json.loads(text) if text.startswith(("{", "[")) else text


class doors(unittest.TestCase):
    def setUp(self):
        self.place = lib.Workplace()
        self.addCleanup(self.place.close)
        self.traces = self.place.directory / "traces"
        self.server = self.place.server(
            more=("--auth", "required", "--qlog-dir", self.traces, "--log-format", "json"))
        self.key = (self.server.data / "admin-key").read_text().strip()
        self.secrets = [self.key]
        self.input = self.api("POST", "/live_inputs", {"name": "camera"}, 201)
        self.id, self.sk = self.input["id"], self.input["stream_key"]
        self.secrets.append(self.sk)
        self.count = 0
        self.token()

    def api(self, method, path, body=None, status=200):
        got, answer = ask(self.server.http, method, "/api/v1" + path, body, self.key)
        self.assertEqual(got, status, answer)
        return answer

    def token(self, ttl=60):
        made = self.api("POST", f"/live_inputs/{self.id}/playback", {"ttl": ttl})
        self.space = made["namespace"]
        self.secrets.append(made["token"])
        return made["token"]

    def urls(self, path):
        """The same door by native QUIC and by WebTransport."""
        yield "quic", self.server.url + path, ("--transport", "quic")
        yield "webtransport", self.server.url.replace("moqt:", "https:") + path, ()

    def run_client(self, command, url, *more, **options):
        self.count += 1
        return self.place.client(f"{command}{self.count}", command, url, *more,
                                 "--qlog-dir", self.traces, **options)

    def source(self):
        """Publishes a line every 50 ms; returns the client."""
        feed = subprocess.Popen(
            ["sh", "-c", "i=0; while :; do i=$((i+1)); echo line$i; sleep 0.05; done"],
            stdout=subprocess.PIPE)
        self.addCleanup(feed.wait)
        self.addCleanup(feed.kill)
        self.addCleanup(feed.stdout.close)
        url = f"{self.server.url}/publish/{self.id}?sk={self.sk}"
        sender = self.run_client("send", url, "-n", self.space, "--track", "t", "--group-every",
                                 "10", stdin=feed.stdout)
        end = time.monotonic() + 10
        while not self.server.metric("moqrtc_namespaces") and time.monotonic() < end:
            time.sleep(0.05)
        self.assertTrue(sender.running(), sender.tail())
        return sender

    def receive(self, url, *more):
        return self.run_client("recv", url, "-n", self.space, "--track", "t", *more)

    def lines(self, receiver):
        return [int(l[4:]) for l in receiver.out().splitlines() if l.startswith("line")]

    def wait_lines(self, receiver, more_than, seconds=10):
        end = time.monotonic() + seconds
        while len(self.lines(receiver)) <= more_than and time.monotonic() < end:
            time.sleep(0.05)
        self.assertGreater(len(self.lines(receiver)), more_than, receiver.tail())

    def assert_no_gap(self, receiver):
        got = self.lines(receiver)
        self.assertEqual(got, list(range(got[0], got[0] + len(got))))

    def test_who_comes_in(self):
        self.source()
        good = self.token()
        broken = good[:-6] + ("AAAAAA" if not good.endswith("AAAAAA") else "BBBBBB")
        other = self.api("POST", "/live_inputs", {"name": "other"}, 201)
        self.secrets.append(other["stream_key"])
        elsewhere = self.api("POST", f"/live_inputs/{other['id']}/playback", {})["token"]
        self.secrets += [broken, elsewhere]
        # Status of HTTP where there is one; native QUIC ends with UNAUTHORIZED or INVALID_PATH.
        cases = [
            (f"/playback/{self.id}", 401), (f"/playback/{self.id}?tok={broken}", 401),
            (f"/playback/{self.id}?tok={elsewhere}", 403),
            (f"/publish/{self.id}", 401), (f"/publish/{self.id}?sk={other['stream_key']}", 401),
            ("/playback/lv_nobody", 404), ("/publish/lv_nobody?sk=x", 404),
        ]
        for path, status in cases:
            for how, url, more in self.urls(path):
                with self.subTest(door=path.split("?")[0], how=how, status=status):
                    got = self.receive(url, *more)
                    self.assertIsNotNone(got.wait(10), got.tail())
                    said = got.err()
                    if how == "webtransport":
                        self.assertIn(str(status), said)
                    else:
                        self.assertIn("INVALID_PATH" if status == 404 else "auth_failed", said)
                    if status != 404:
                        self.assertEqual(got.process.returncode, REFUSED, said)
        for how, url, more in self.urls(f"/playback/{self.id}?tok={good}"):
            with self.subTest(how=how, status=200):
                got = self.receive(url, *more)
                self.wait_lines(got, 5)
                got.stop()
        # The open door wants a token with each request.
        for how, url, more in self.urls("/moq"):
            with self.subTest(how=how, door="/moq"):
                got = self.receive(url, *more)
                self.assertIsNotNone(got.wait(10))
                self.assertNotEqual(got.process.returncode, 0)
                got = self.receive(url, *more, "--token", good)
                self.wait_lines(got, 5)
                got.stop()
        self.assertGreater(self.server.metric("moqrtc_auth_refused_total"), 10)

    def test_a_playback_token_ends_the_session_unless_it_is_renewed(self):
        self.source()
        file = self.place.directory / "token"
        # 30 s is the shortest that a token may live.
        first = self.token(30)
        began = time.monotonic()
        file.write_text(first)
        runs = []
        for how, url, more in self.urls(f"/playback/{self.id}?tok={first}"):
            runs.append((how, self.receive(url, *more),
                         self.receive(url, *more, "--token-file", file)))
        for how, plain, renewing in runs:
            self.wait_lines(plain, 5)
            self.wait_lines(renewing, 5)
        time.sleep(max(0, began + 20 - time.monotonic()))
        file.write_text(self.token(60))
        time.sleep(max(0, began + 28 - time.monotonic()))
        for how, plain, renewing in runs:
            self.assertTrue(plain.running() and renewing.running(), how)
        for how, plain, renewing in runs:
            with self.subTest(how=how):
                self.assertIsNotNone(plain.wait(max(0.1, began + 31.2 - time.monotonic())),
                                     "open a second after its token has ended")
                self.assertIn("auth_failed", plain.err())
                self.assertEqual(plain.process.returncode, REFUSED)
        time.sleep(2)
        for how, plain, renewing in runs:
            with self.subTest(how=how):
                self.assertTrue(renewing.running(), renewing.tail())
                before = len(self.lines(renewing))
                self.wait_lines(renewing, before + 5)
                self.assert_no_gap(renewing)
                renewing.stop()

    def test_what_is_revoked_ends_within_a_second(self):
        sender = self.source()
        token = self.token()
        runs = [self.receive(url, *more)
                for how, url, more in self.urls(f"/playback/{self.id}?tok={token}")]
        for one in runs:
            self.wait_lines(one, 5)
        keys = self.api("GET", "/keys")["keys"]
        for one in keys:
            ask(self.server.http, "DELETE", f"/api/v1/keys/{one['id']}", None, self.key)
        for one in runs:
            self.assertIsNotNone(one.wait(1.5), one.tail())
            self.assertIn("auth_failed", one.err())
        self.assertTrue(sender.running(), "a stream key is no token of that key")
        made = self.api("POST", f"/live_inputs/{self.id}/rotate", {})
        self.secrets.append(made["stream_key"])
        self.assertIsNotNone(sender.wait(1.5), sender.tail())
        self.assertIn("auth_failed", sender.err())

    def test_switched_off(self):
        self.source()
        token = self.token()
        url = f"{self.server.url}/playback/{self.id}?tok={token}"
        viewer = self.receive(url)
        self.wait_lines(viewer, 5)
        self.api("POST", "/kill/moq")
        self.assertIsNotNone(viewer.wait(3), "told to leave, and closed")
        for how, where, more in self.urls(f"/playback/{self.id}?tok={token}"):
            got = self.receive(where, *more)
            self.assertIsNotNone(got.wait(10))
            self.assertNotEqual(got.process.returncode, 0)
        self.assertGreaterEqual(self.server.metric("moqrtc_auth_killed_total"), 2)
        self.api("DELETE", "/kill/moq")
        self.source()
        again = self.receive(url)
        self.wait_lines(again, 5)

    def tearDown(self):
        """No secret in what was written: logs, traces, what programs printed, the database."""
        if self.server.running():
            text = http.client.HTTPConnection(self.server.http, timeout=5)
            text.request("GET", "/metrics")
            (self.place.directory / "metrics.txt").write_bytes(text.getresponse().read())
            text.close()
            self.server.stop()
        own = {"admin-key", "token"}
        for path in Path(self.place.directory).rglob("*"):
            if not path.is_file() or path.name in own:
                continue
            data = path.read_bytes()
            for secret in self.secrets:
                self.assertFalse(secret.encode() in data, f"a secret is in {path.name}")


if __name__ == "__main__":
    unittest.main()
