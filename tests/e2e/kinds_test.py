"""Files of every kind go through the relay and come out with the same packets and pictures."""

import subprocess
import unittest

import lib

VIDEO = ["-f", "lavfi", "-i", "testsrc=size=320x240:rate=30"]
TONE = ["-f", "lavfi", "-i", "sine=frequency=330:sample_rate=48000"]
H264 = ["-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-g", "30",
        "-sc_threshold", "0"]
FRAGMENTED = "frag_keyframe+empty_moov+default_base_moof"

KINDS = {
    "h264-aac-faststart": [*VIDEO, *TONE, "-t", "4", *H264, "-c:a", "aac", "-movflags", "+faststart"],
    "h264-b-frames": [*VIDEO, *TONE, "-t", "4", *H264, "-bf", "3", "-b_strategy", "0", "-c:a", "aac"],
    "h264-vfr": [*VIDEO, *TONE, "-t", "4", "-vf", "select=not(mod(n\\,7)*mod(n\\,3)),setpts=PTS",
                 "-vsync", "vfr", *H264, "-c:a", "aac"],
    "h264-fragmented": [*VIDEO, *TONE, "-t", "4", *H264, "-c:a", "aac", "-movflags", FRAGMENTED],
    "h265-aac": [*VIDEO, *TONE, "-t", "3", "-pix_fmt", "yuv420p", "-c:v", "libx265", "-preset",
                 "ultrafast", "-x265-params", "log-level=error:keyint=30", "-tag:v", "hvc1", "-c:a",
                 "aac"],
    "vp9-opus": [*VIDEO, *TONE, "-t", "3", "-pix_fmt", "yuv420p", "-c:v", "libvpx-vp9", "-g", "30",
                 "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"],
    "av1-opus": ["-f", "lavfi", "-i", "testsrc=size=160x120:rate=15", *TONE, "-t", "2", "-pix_fmt",
                 "yuv420p", "-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "15",
                 "-c:a", "libopus", "-strict", "-2"],
    "audio-alone": [*TONE, "-t", "3", "-c:a", "aac"],
}


@unittest.skipUnless(lib.have("ffmpeg"), "ffmpeg is missing")
class kinds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = lib.Workplace()
        cls.server = cls.place.server()

    @classmethod
    def tearDownClass(cls):
        cls.place.close()

    def check(self, kind, clip, stdin=None, source=None):
        # Both subscribers are there first and the clip comes from its first object on, so that what
        # is decoded from it may be compared, audio too: its priming is where it was.
        space = f"kinds/{kind}"
        subscribers = [
            (draft, self.place.client(f"{kind}-{draft}", "subscribe", self.server.url, "-n", space,
                                      "--draft", draft, "--json", "--wait", "10", "-o",
                                      self.place.directory / f"{kind}-{draft}.mp4"))
            for draft in ("16", "18")
        ]
        publisher = self.place.client(f"{kind}-publisher", "publish", self.server.url, "-n", space,
                                      source or clip, stdin=stdin)
        self.assertEqual(publisher.wait(40), 0, publisher.tail())
        for draft, process in subscribers:
            self.assertEqual(process.wait(20), 0, process.tail())
            out = self.place.directory / f"{kind}-{draft}.mp4"
            self.assertEqual(lib.compare(clip, out, from_start=True), [], process.tail())
            self.assertEqual(lib.compare(clip, out, decode=True, from_start=True), [],
                             process.tail())
            self.assertEqual(lib.summary(process)["gaps"], 0)
            decoded = {n: len(f) for n, f in lib.frames(out, decode=True)[0].items()}
            self.assertTrue(decoded and all(decoded.values()), decoded)
            print(f"{kind}, draft {draft}: packets {lib.packet_counts(out)} and decoded frames "
                  f"{decoded} identical")

    def test_standard_input(self):
        clip = lib.make_clip("h264-fragmented.mp4", KINDS["h264-fragmented"])
        pipe = subprocess.Popen(["cat", str(clip)], stdout=subprocess.PIPE)
        try:
            self.check("stdin", clip, stdin=pipe.stdout, source="-")
        finally:
            pipe.stdout.close()
            pipe.kill()
            pipe.wait()


def add(kind, arguments):
    def test(self):
        self.check(kind, lib.make_clip(f"{kind}.mp4", arguments))

    setattr(kinds, "test_" + kind.replace("-", "_"), test)


for one in KINDS.items():
    add(*one)

if __name__ == "__main__":
    unittest.main()
