"""Doors that tokens open, over sockets: raw QUIC and WebTransport, expiry, revocation, renewal in band,
the kill switch; and that no secret is left in anything that a run writes."""

import http.client
import json
import os
import signal
import subprocess
import time
import unittest
import urllib.parse
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
        self.server = self.start()
        self.key = (self.server.data / "admin-key").read_text().strip()
        self.secrets = [self.key]
        self.input = self.api("POST", "/live_inputs", {"name": "camera"}, 201)
        self.id, self.sk = self.input["id"], self.input["stream_key"]
        self.secrets.append(self.sk)
        self.count = 0
        self.token()

    def start(self, **options):
        return self.place.server(**options, more=(
            "--auth", "required", "--qlog-dir", self.traces, "--log-format", "json"))

    def restart(self, name):
        """The same data directory, another process, other ports."""
        self.server = self.start(name=name, data=self.server.data)

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
        # The same by a command that fetches the next one; it knows when that is due.
        command = (f"curl -s -d '{{\"ttl\":30}}' -H 'Content-Type: application/json' "
                   f"-H \"Authorization: Bearer $(cat {self.server.data}/admin-key)\" "
                   f"http://{self.server.http}/api/v1/live_inputs/{self.id}/playback"
                   " | sed 's/.*\"token\":\"\\([^\"]*\\)\".*/\\1/'")
        asking = self.receive(f"{self.server.url}/playback/{self.id}?tok={first}",
                              "--token-command", command)
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
        for how, plain, renewing in [*runs, ("command", None, asking)]:
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
        """By the API, by a file, by a signal; and what is off stays so."""
        kill = self.server.data / "kill" / "moq"

        def by_file():
            kill.parent.mkdir(exist_ok=True)
            kill.touch()

        hands = {
            "api": (lambda: self.api("POST", "/kill/moq"),
                    lambda: self.api("DELETE", "/kill/moq")),
            "file": (by_file, kill.unlink),
            "signal": (lambda: os.kill(self.server.pid, signal.SIGUSR1), kill.unlink),
        }
        token = self.token(600)
        for hand, (off, on) in hands.items():
            with self.subTest(hand=hand):
                sender = self.source()
                viewers = [self.receive(url, *more, "-v")
                           for how, url, more in self.urls(f"/playback/{self.id}?tok={token}")]
                for one in viewers:
                    self.wait_lines(one, 5)
                off()
                for one in (*viewers, sender):
                    self.assertIsNotNone(one.wait(4), "told to leave, and closed: " + one.tail())
                for one in viewers:
                    self.assertIn("GOAWAY", one.err())
                self.assert_refused_as_switched_off(token)
                on()
                end = time.monotonic() + 3
                while self.info()["kill"]["moq"] and time.monotonic() < end:
                    time.sleep(0.05)
                self.assertFalse(self.info()["kill"]["moq"])
        # Other ways are switched by themselves, and shown.
        self.api("POST", "/kill/hls")
        self.assertEqual(self.info()["kill"],
                         {"moq": False, "webrtc": False, "hls": True, "ingest": False})
        self.source()
        again = self.receive(f"{self.server.url}/playback/{self.id}?tok={token}")
        self.wait_lines(again, 5)
        self.api("POST", "/kill/moq")
        self.assertIsNotNone(again.wait(4))
        self.server.kill()
        self.restart("again")
        self.assertEqual(self.info()["kill"],
                         {"moq": True, "webrtc": False, "hls": True, "ingest": False})
        self.assert_refused_as_switched_off(token)

    def info(self):
        return self.api("GET", "/info")

    def assert_refused_as_switched_off(self, token):
        for how, where, more in self.urls(f"/playback/{self.id}?tok={token}"):
            got = self.receive(where, *more)
            self.assertIsNotNone(got.wait(10))
            self.assertNotEqual(got.process.returncode, 0)
            self.assertIn("503" if how == "webtransport" else "moq is switched off", got.err())
        # Pages are told by the door why they were refused.
        door = urllib.parse.quote(f"/playback/{self.id}?tok={token}")
        self.assertEqual(ask(self.server.http, "GET", f"/api/v1/door?path={door}"),
                         (503, "moq is switched off\n"))
        self.assertGreaterEqual(self.server.metric("moqrtc_auth_killed_total"), 2)

    def publish(self, url, space, *more):
        """Somebody in a call: stays until he is stopped."""
        stop, hold = os.pipe()
        self.addCleanup(os.close, hold)
        one = self.run_client("send", url, "-n", space, "--track", "t", *more, stdin=stop)
        os.close(stop)
        return one

    def members(self, call):
        return self.api("GET", f"/calls/{call}")["members"]

    def wait_member(self, call, user):
        end = time.monotonic() + 5
        while user not in self.members(call) and time.monotonic() < end:
            time.sleep(0.05)
        self.assertIn(user, self.members(call))

    def test_a_call_outlives_its_tokens_and_the_server(self):
        call = self.api("POST", "/calls", {"name": "room", "participants": 2}, 201)["id"]

        def token(user, ways=("moq",), status=200):
            made = self.api("POST", f"/calls/{call}/tokens",
                            {"user": user, "transport": list(ways)}, status)
            self.secrets += [made["token"], made["seat"]]
            return made

        ann = token("ann")
        space = ann["namespace"] + "/ann"
        runs = []
        for how, url, more in self.urls(f"/moq?tok={ann['token']}"):
            runs.append(self.publish(url, space, *more))
            self.wait_member(call, "ann")
            if how == "quic":
                time.sleep(0.5)
                self.assertTrue(runs[0].running(), runs[0].tail())
        # The second way came with the same token over the same transport.
        self.assertEqual(runs[1].wait(5), REFUSED, runs[1].tail())
        self.assertIn("auth_failed", runs[1].err())
        self.assertTrue(runs[0].running())
        self.server.kill()
        self.assertIsNotNone(runs[0].wait(40))
        self.restart("again")
        for how, url, more in self.urls(f"/moq?tok={ann['token']}"):
            with self.subTest(how=how):
                used = self.publish(url, space, *more)
                self.assertEqual(used.wait(5), REFUSED, "the used token is still refused")
                self.assertIn("auth_failed", used.err())
        self.assertEqual(list(self.members(call)), ["ann"], "the call goes on")
        # Inside the call the next token comes without a key.
        status, fresh = ask(self.server.http, "POST", f"/api/v1/calls/{call}/renew",
                            {"user": "ann", "seat": ann["seat"], "transport": ["moq"], "ttl": 999})
        self.assertEqual((status, fresh["ttl"]), (200, 120))
        self.secrets.append(fresh["token"])
        back = self.publish(f"{self.server.url}/moq?tok={fresh['token']}", space)
        bob = self.publish(f"{self.server.url}/moq?tok={token('bob')['token']}",
                           ann["namespace"] + "/bob")
        self.wait_member(call, "bob")
        # The cap of two is remembered, too: whoever is one too many is let out again.
        eve = self.publish(f"{self.server.url}/moq?tok={token('eve')['token']}",
                           ann["namespace"] + "/eve")
        self.assertEqual(eve.wait(5), REFUSED, eve.tail())
        self.assertNotIn("eve", self.members(call))
        self.assertTrue(back.running() and bob.running())
        self.api("POST", f"/calls/{call}/leave", {"user": "bob"}, 204)
        self.assertEqual(bob.wait(1.5), REFUSED, bob.tail())
        self.assertTrue(back.running())
        self.api("DELETE", f"/calls/{call}", status=204)
        self.assertEqual(back.wait(1.5), REFUSED, back.tail())

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
