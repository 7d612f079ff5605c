"""Publishers and relays that die and come back."""

import time
import unittest

import lib


@unittest.skipUnless(lib.have("ffmpeg"), "ffmpeg is missing")
class restart(unittest.TestCase):
    def setUp(self):
        self.place = lib.Workplace()
        self.clip = lib.live_clip(20, "320x240")

    def tearDown(self):
        self.place.close()

    def publish(self, name, url, *more):
        return self.place.client(name, "publish", url, "-n", "live/restart", self.clip, *more)

    def subscribe(self, name, url, draft, *more):
        return self.place.client(name, "subscribe", url, "-n", "live/restart", "--draft", draft,
                                 "--json", "--reconnect", "-o", self.place.directory / f"{name}.mp4",
                                 *more)

    def test_publisher_is_killed_and_comes_back(self):
        server = self.place.server()
        first = self.publish("first", server.url)
        subscribers = [self.subscribe(f"sub{d}", server.url, d, "--duration", "24") for d in ("16", "18")]
        time.sleep(3)
        self.assertTrue(all(s.running() for s in subscribers), self.place.tails())
        before = time.monotonic()
        first.kill()
        for s in subscribers:
            self.assertTrue(s.wait_for("is gone", 14), s.tail())
        told = time.monotonic() - before
        self.assertLess(told, 13, "idle timeout is 10 s")
        self.publish("second", server.url)
        for s in subscribers:
            self.assertTrue(s.wait_for("is there", 10), s.tail())
        size = [(self.place.directory / f"sub{d}.mp4").stat().st_size for d in ("16", "18")]
        time.sleep(3)
        for d, was in zip(("16", "18"), size):
            self.assertGreater((self.place.directory / f"sub{d}.mp4").stat().st_size, was,
                               "the subscriber goes on")
        for s in subscribers:
            self.assertEqual(s.wait(15), 0, s.tail())
        print(f"told after {told:.1f} s, both subscribers went on: "
              f"{[lib.summary(s) for s in subscribers]}")

    def test_relay_is_killed_and_comes_back(self):
        server = self.place.server()
        publisher = self.publish("publisher", server.url, "--reconnect")
        subscribers = [self.subscribe(f"sub{d}", server.url, d) for d in ("16", "18")]
        time.sleep(5.3)
        server.kill()
        time.sleep(0.3)
        again = self.place.add(lib.Server(self.place.directory, "again", port=server.port,
                                          data=server.data))
        began = time.monotonic()
        while time.monotonic() - began < 5 and not all(
                s.err().count("ended") for s in (publisher, *subscribers)):
            time.sleep(0.05)
        noticed = time.monotonic() - began
        self.assertIn("ended", publisher.err(), publisher.tail())
        self.assertEqual(publisher.wait(30), 0, publisher.tail() + again.tail())
        for d, s in zip(("16", "18"), subscribers):
            self.assertEqual(s.wait(15), 0, s.tail())
            figures = lib.summary(s)
            self.assertEqual(figures["connections"], 2, s.tail())
            got = lib.packet_counts(self.place.directory / f"sub{d}.mp4")
            want = lib.packet_counts(self.clip)
            # A group lasts a second, 30 pictures: at most one is lost, and the one before joining.
            self.assertGreaterEqual(got[0], want[0] - 60, s.tail())
            print(f"draft {d}: noticed after {noticed:.2f} s, pictures {got[0]} of {want[0]}, "
                  f"gaps {figures['gaps']}")


if __name__ == "__main__":
    unittest.main()
