"""Frames as LOC objects: published, passed on by the relay, and written as an MP4 with the same
packets at the same times."""

import json
import subprocess
import unittest

import lib

CLIPS = {
    # Frames that are shown in another order than they are decoded, and sound with a lead-in.
    "reordered": ["-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-bf", "2",
                  "-b_strategy", "0", "-c:a", "aac"],
    "plain": ["-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-c:a",
              "libopus", "-strict", "-2"],
}


def packets(path):
    """Of each stream its packets: (time of presentation in seconds, hash)."""
    run = subprocess.run(
        ["ffprobe", "-v", "error", "-show_packets", "-show_data_hash", "md5", "-show_entries",
         "packet=stream_index,pts_time,data_hash", "-of", "json", str(path)],
        capture_output=True, text=True, check=True)
    out = {}
    for packet in json.loads(run.stdout)["packets"]:
        out.setdefault(packet["stream_index"], []).append(
            (float(packet["pts_time"]), packet["data_hash"]))
    return out


@unittest.skipUnless(lib.have("ffmpeg") and lib.have("ffprobe"), "ffmpeg is missing")
class loc(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = lib.Workplace()
        cls.server = cls.place.server()

    @classmethod
    def tearDownClass(cls):
        cls.place.close()

    def same(self, clip, out):
        wanted, got = packets(clip), packets(out)
        self.assertEqual(wanted.keys(), got.keys())
        # One time line for both streams: they stay in step.
        moved = got[0][0][0] - wanted[0][0][0]
        for stream, all_of in wanted.items():
            self.assertEqual([h for _, h in all_of], [h for _, h in got[stream]], f"stream {stream}")
            for (a, _), (b, _) in zip(all_of, got[stream]):
                self.assertAlmostEqual(a + moved, b, delta=0.001)
        decoded = subprocess.run(["ffmpeg", "-v", "error", "-i", str(out), "-f", "null", "-"],
                                 capture_output=True, text=True)
        self.assertEqual(decoded.stderr, "")

    def check(self, kind):
        clip = lib.make_clip(f"loc-{kind}.mp4", [
            "-f", "lavfi", "-i", "testsrc=size=320x240:rate=30", "-f", "lavfi", "-i",
            "sine=frequency=440:sample_rate=48000", "-t", "3", "-g", "30", "-sc_threshold", "0",
            *CLIPS[kind]])
        space = f"loc/{kind}"
        subscribers = {
            draft: self.place.client(f"{kind}-{draft}", "subscribe", self.server.url, "-n", space,
                                     "--draft", draft, "--json", "--wait", "10", "-o",
                                     self.place.directory / f"{kind}-{draft}.mp4")
            for draft in ("14", "16", "18")
        }
        publisher = self.place.client(f"{kind}-publisher", "publish", self.server.url, "-n", space,
                                      "--packaging", "loc", clip)
        self.assertEqual(publisher.wait(30), 0, publisher.tail())
        for draft, process in subscribers.items():
            self.assertEqual(process.wait(20), 0, process.tail())
            self.assertEqual(lib.summary(process)["gaps"], 0)
            self.same(clip, self.place.directory / f"{kind}-{draft}.mp4")

    def test_reordered(self):
        self.check("reordered")

    def test_plain(self):
        self.check("plain")


if __name__ == "__main__":
    unittest.main()
