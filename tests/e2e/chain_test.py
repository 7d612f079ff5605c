"""An origin and two edge relays: every edge asks the origin for each object once."""

import time
import unittest

import lib


@unittest.skipUnless(lib.have("ffmpeg"), "ffmpeg is missing")
class chain(unittest.TestCase):
    def test_two_edges(self):
        clip = lib.live_clip(8, "320x240")
        with lib.Workplace() as place:
            origin = place.server(name="origin")
            # The second edge has several threads, of which one asks the origin for all.
            edges = [place.server(name=f"edge{i}", more=("--upstream", origin.url, "--threads",
                                                         str(2 * i + 1), "--insecure-upstream"))
                     for i in range(2)]
            subscribers = {}
            for i, edge in enumerate(edges):
                for draft in ("16", "18"):
                    name = f"edge{i}-draft{draft}"
                    subscribers[name] = place.client(
                        name, "subscribe", edge.url, "-n", "live/chain", "--draft", draft, "--json",
                        "--wait", "15", "-o", place.directory / f"{name}.mp4")
            time.sleep(1)
            publisher = place.client("publisher", "publish", origin.url, "-n", "live/chain", clip)
            self.assertEqual(publisher.wait(30), 0, place.tails())
            for name, s in subscribers.items():
                self.assertEqual(s.wait(15), 0, s.tail())
                self.assertEqual(lib.compare(clip, place.directory / f"{name}.mp4"), [], s.tail())
            objects_in = origin.metric("moqrtc_objects_in_total")
            objects_out = origin.metric("moqrtc_objects_out_total")
            print(f"origin: {objects_in:.0f} objects in, {objects_out:.0f} out to two edges with "
                  f"four subscribers, all identical")
            self.assertGreater(objects_in, 0)
            # The plain catalog is nobody's wish here, so it may stay; nothing goes out three times.
            self.assertLessEqual(objects_out, 2 * objects_in)


if __name__ == "__main__":
    unittest.main()
