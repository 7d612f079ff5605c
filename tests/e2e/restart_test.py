"""Publishers and relays that die and come back."""

import re
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
        self.assertEqual(publisher.wait(30), 0, publisher.tail() + again.tail())
        told = re.search(r"ended: stateless reset .*, ([0-9.]+) s after", publisher.err())
        self.assertTrue(told, publisher.tail())
        # It sends all the time, so it learns at once; the relay itself was away for half a second.
        self.assertLess(float(told[1]), 2.5, publisher.tail())
        print(f"the publisher noticed {told[1]} s after the relay was last heard")
        for d, s in zip(("16", "18"), subscribers):
            self.assertEqual(s.wait(15), 0, s.tail())
            figures = lib.summary(s)
            self.assertEqual(figures["connections"], 2, s.tail())
            self.assertEqual([o["why"] for o in figures["outages"]], ["stateless reset"])
            outage = figures["outages"][0]
            # A subscriber has nothing to say but its keep-alive, every 3 s, which is answered with
            # the reset; one that the dead relay did not get is repeated by the next probe.
            self.assertLess(outage["noticed_us"], 4.5e6, s.tail())
            self.assertTrue(0 < outage["lasted_us"] < 2e6, s.tail())
            runs = lib.missing(self.clip, self.place.directory / f"sub{d}.mp4")
            # A group is a second, 30 pictures. At most one is lost, up to a boundary.
            self.assertTrue(runs is not None and len(runs) <= 1, f"{runs}\n{s.tail()}")
            for first, count in runs:
                self.assertLessEqual(count, 30, s.tail())
                self.assertEqual((first + count) % 30, 0, "goes on at a group boundary")
            print(f"draft {d}: stateless reset noticed {outage['noticed_us'] / 1e6:.2f} s after the "
                  f"relay was last heard, back {outage['lasted_us'] / 1e6:.2f} s later; "
                  f"pictures missing: {sum(count for _, count in runs)}")


if __name__ == "__main__":
    unittest.main()
