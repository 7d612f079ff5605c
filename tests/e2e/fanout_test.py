"""Many subscribers get the same; one that stands still harms nobody."""

import signal
import time
import unittest

import lib


@unittest.skipUnless(lib.have("ffmpeg"), "ffmpeg is missing")
class fanout(unittest.TestCase):
    count = 50

    def test_all_get_the_same_and_one_stands_still(self):
        clip = lib.live_clip(16, "320x240")
        with lib.Workplace() as place:
            server = place.server()
            outputs = {}

            def subscribe(name, draft):
                outputs[name] = place.directory / f"{name}.mp4"
                return place.client(name, "subscribe", server.url, "-n", "live/fanout", "--draft",
                                    draft, "--json", "--wait", "30", "-o", outputs[name])

            subscribers = {f"s{i}": subscribe(f"s{i}", ("16", "18")[i % 2])
                           for i in range(self.count)}
            still = subscribe("still", "18")
            time.sleep(3)
            publisher = place.client("publisher", "publish", server.url, "-n", "live/fanout", clip)
            time.sleep(5)
            still.process.send_signal(signal.SIGSTOP)
            time.sleep(5)
            still.process.send_signal(signal.SIGCONT)
            self.assertEqual(publisher.wait(30), 0, publisher.tail() + server.tail())
            complaints = lib.compare(clip, outputs["s0"])
            reference = outputs["s0"].read_bytes()
            for name, s in subscribers.items():
                status = s.wait(20)
                if status != 0:
                    complaints.append(f"{name} ended with {status}: {s.tail(4)}")
                elif outputs[name].read_bytes() != reference:
                    # The order in which tracks interleave may differ; packets may not.
                    complaints += lib.compare(clip, outputs[name])
                if lib.summary(s).get("gaps") != 0:
                    complaints.append(f"{name}: gaps {lib.summary(s).get('gaps')}")
            self.assertEqual(complaints, [])
            self.assertEqual(still.wait(20), 0, still.tail())
            got, want = lib.packet_counts(outputs["still"]), lib.packet_counts(clip)
            print(f"{len(subscribers)} subscribers identical; the one that stood still got "
                  f"{got[0]} of {want[0]} pictures, gaps {lib.summary(still)['gaps']}")
            self.assertGreaterEqual(got[0], want[0] - 7 * 30)
            # Pictures are alike here, so their times tell which they are.
            times = [p[0] for p in lib.frames(outputs["still"])[0][0]]
            places = [round((t - times[0]) * 30) for t in times]
            jumps = [b for a, b in zip(places, places[1:]) if b != a + 1]
            self.assertTrue(all(j % 30 == 0 and j > 0 for j in jumps),
                            f"goes on at pictures {jumps}: a group has 30")


if __name__ == "__main__":
    unittest.main()
