"""Every pair of drafts: what is published in one comes out in the other, packet by packet."""

import re
import subprocess
import time
import unittest

import lib

TOGETHER = 3  # publishers at a time, each with a subscriber of every draft


def spoken():
    """All drafts, those too that are offered only when asked for: a wrong one is answered so."""
    wrong = subprocess.run([str(lib.BIN / "moqrtc-client"), "catalog", "moqt://127.0.0.1:1", "-n",
                            "a", "--draft", "3"], capture_output=True, text=True, timeout=10)
    return re.findall(r"\b[12][0-9]\b", wrong.stdout + wrong.stderr)


@unittest.skipUnless(lib.have("ffmpeg"), "ffmpeg is missing")
class drafts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = lib.Workplace()
        cls.server = cls.place.server(more=("--drafts", ",".join(spoken())))
        cls.drafts = cls.server.ready["drafts"]
        cls.clip = lib.make_clip("drafts-160x120.mp4", [
            "-f", "lavfi", "-i", "testsrc=size=160x120:rate=30",
            "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", "4",
            "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-g", "15",
            "-keyint_min", "15", "-sc_threshold", "0", "-bf", "0", "-c:a", "aac"])

    @classmethod
    def tearDownClass(cls):
        cls.place.close()

    def round(self, publishing, more=()):
        """Publishes the clip in each of the drafts, with subscribers of all drafts."""
        name = "-".join(publishing) + "".join(more[1:])
        began = time.monotonic()
        subscribers = {}
        for p in publishing:
            for s in self.drafts:
                out = self.place.directory / f"{name}-{p}-to-{s}.mp4"
                subscribers[p, s] = out, self.place.client(
                    f"{name}-{p}-to-{s}", "subscribe", self.server.url, "-n", f"pair/{name}/{p}",
                    "--draft", s, "--json", "--wait", "15", *more, "-o", out)
        publishers = [
            self.place.client(f"{name}-publisher-{p}", "publish", self.server.url, "-n",
                              f"pair/{name}/{p}", "--draft", p, *more, self.clip)
            for p in publishing]
        for process in publishers:
            self.assertEqual(process.wait(40), 0, process.tail())
        least = 0
        for (p, s), (out, process) in subscribers.items():
            with self.subTest(publisher=p, subscriber=s):
                self.assertEqual(process.wait(20), 0, process.tail())
                self.assertEqual(lib.compare(self.clip, out), [], process.tail())
                summary = lib.summary(process)
                self.assertEqual((summary["gaps"], str(summary["draft"])), (0, s), summary)
                got = lib.packet_counts(out)
                self.assertGreater(got[0], 60, "it came too late to prove anything")
                least = min(least or got[0], got[0])
        print(f"{name}: {len(subscribers)} pairs identical, at least {least} pictures each, "
              f"{time.monotonic() - began:.1f} s")

    def test_every_pair(self):
        self.assertGreaterEqual(len(self.drafts), 9)
        for i in range(0, len(self.drafts), TOGETHER):
            self.round(self.drafts[i:i + TOGETHER])

    def test_over_webtransport(self):
        # The oldest has no subprotocol: its set-up says what it is.
        self.round([self.drafts[0], self.drafts[-1]], ("--transport", "webtransport"))


if __name__ == "__main__":
    unittest.main()
