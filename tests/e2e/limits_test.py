"""Limits over sockets: who meets one is told and counted; what the environment and features say."""

import json
import os
import subprocess
import time
import unittest
import urllib.request

import lib


class limits(unittest.TestCase):
    def start(self, *more, **environment):
        self.place = lib.Workplace()
        self.addCleanup(self.place.close)
        for name, value in environment.items():
            os.environ[name] = value
            self.addCleanup(os.environ.pop, name)
        self.server = self.place.server(more=more)

    def api(self, path):
        with urllib.request.urlopen(f"http://{self.server.http}/api/v1{path}", timeout=5) as answer:
            return json.load(answer)

    def usage(self, name):
        return next(one for one in self.api("/usage")["limits"] if one["name"] == name)

    def send(self, name, space, *more):
        feed = subprocess.Popen(["sh", "-c", "while :; do echo x; sleep 0.1; done"],
                                stdout=subprocess.PIPE)
        self.addCleanup(feed.wait)
        self.addCleanup(feed.kill)
        self.addCleanup(feed.stdout.close)
        return self.place.client(name, "send", self.server.url, "-n", space, "--track", "t", *more,
                                 stdin=feed.stdout)

    def receive(self, name, space, *more, url=None):
        return self.place.client(name, "recv", url or self.server.url, "-n", space, "--track", "t",
                                 *more)

    def wait(self, condition):
        end = time.monotonic() + 10
        while not condition() and time.monotonic() < end:
            time.sleep(0.05)
        self.assertTrue(condition(), self.place.tails())

    def test_publishers_and_subscribers_of_a_room_by_the_environment(self):
        self.start("--threads", "2", MEDIA_MAX_PUBLISHERS="1", MEDIA_MAX_SUBSCRIBERS_PER_ROOM="2")
        self.send("first", "live/a")
        self.wait(lambda: self.usage("publishers")["current"] == 1)
        second = self.send("second", "live/b")
        self.assertIsNotNone(second.wait(10), second.tail())
        self.assertNotEqual(second.process.returncode, 0)
        self.assertIn("EXCESSIVE_LOAD", second.err())
        watching = [self.receive(f"w{i}", "live/a") for i in range(2)]
        self.wait(lambda: all(one.out() for one in watching))
        third = self.receive("w2", "live/a")
        self.assertIsNotNone(third.wait(10), third.tail())
        self.assertNotEqual(third.process.returncode, 0)
        self.assertIn("EXCESSIVE_LOAD", third.err())
        self.assertEqual(self.usage("subscribers_per_room")["maximum"], 2)
        # Lists are as old as half a second.
        self.wait(lambda: self.usage("subscribers_per_room")["current"] == 2)
        self.wait(lambda: self.usage("publishers")["hits"] >= 1)
        self.assertGreaterEqual(
            self.server.metric("moqrtc_limit_hits_total", limit="subscribers_per_room"), 1)
        watching[0].stop()
        self.wait(lambda: self.usage("subscribers_per_room")["current"] == 1)
        late = self.receive("w3", "live/a")
        self.wait(late.out)

    def test_sessions_of_an_address_and_before_there_is_one(self):
        self.start("--limits.sessions-per-address", "1")
        self.send("publisher", "live/a")
        self.wait(lambda: self.usage("sessions")["current"] == 1)
        for how, url in (("quic", self.server.url),
                         ("webtransport", self.server.url.replace("moqt:", "https:") + "/moq")):
            with self.subTest(how=how):
                got = self.receive(how, "live/a", "--transport", how, url=url)
                self.assertIsNotNone(got.wait(10), got.tail())
                self.assertNotEqual(got.process.returncode, 0)
                if how == "webtransport":
                    self.assertIn("429", got.err())
        self.wait(lambda: self.usage("sessions_per_address")["hits"] >= 2)
        self.assertEqual(self.usage("sessions")["current"], 1)

    def test_who_shows_nothing_is_closed(self):
        self.start("--auth", "required", "--limits.unauthorized-time", "1", "--limits.unauthorized",
                   "50")
        done = subprocess.run([lib.BIN / "moqrtc-flood", str(self.server.port), "--initials", "0",
                               "--handshakes", "20", "--seconds", "4", "--hold", "60"],
                              capture_output=True, text=True, timeout=30)
        told = json.loads(done.stdout)
        self.assertGreater(told["closed_by_server"], 20, told)
        hits = self.server.metric("moqrtc_limit_hits_total", limit="unauthorized_time")
        self.assertGreater(hits, 20)

    def test_what_is_said_of_modes_and_features(self):
        with lib.Workplace() as place:
            self.start("--features.sfu", "--log-level", "info", "--media.mode", "single_server_sfu",
                       TURN_URLS="turn:turn.example:3478", TURN_USERNAME="me",
                       TURN_CREDENTIAL="open sesame", MEDIA_RECORDINGS_DIR=str(place.directory))
            info = self.api("/info")
            self.assertEqual(info["features"], {"moq": True, "webhooks": True, "sfu": True})
            self.assertEqual(info["media"], {"mode": "single_server_sfu", "recording": True,
                                             "turn_urls": ["turn:turn.example:3478"]})
            log = self.server.err()
            self.assertIn("name=sfu state=on", log)
            self.assertRegex(log, "warning prototype_only")
            shown = subprocess.run([lib.BIN / "moqrtc-server", "--show-settings"],
                                   capture_output=True, text=True, timeout=10)
            self.assertIn("turn.credential = (not shown)\n", shown.stdout)
            for text in (log, shown.stdout, json.dumps(info)):
                self.assertNotIn("sesame", text)

    def test_moq_can_be_a_feature_that_is_off(self):
        self.start("--features.moq=false")
        got = self.receive("watcher", "live/a")
        self.assertIsNotNone(got.wait(10), got.tail())
        self.assertIn("moq is switched off", got.err())

    def test_recordings_go_where_they_can_be_written(self):
        done = subprocess.run([lib.BIN / "moqrtc-server", "--check-config"], capture_output=True,
                              text=True, timeout=10,
                              env={**os.environ, "MEDIA_RECORDINGS_DIR": "/proc/nowhere"})
        self.assertEqual(done.returncode, 2)
        self.assertIn("recording.dir: /proc/nowhere", done.stderr)


if __name__ == "__main__":
    unittest.main()
