"""A publisher whose init segment is a track of its own, for all tracks together: the catalog format
before MSF has `initTrack` (section 3.2.16), and publishers still write it so."""

import json
import subprocess
import time
import unittest

import lib

SPACE = "old/clip"
FRAGMENTS = "frag_keyframe+empty_moov+default_base_moof+separate_moof"


def boxes(data, start=0, end=None):
    """Type and body of each box, as (type, where the box starts, where its body does, its end)."""
    at, end = start, len(data) if end is None else end
    while at < end:
        size = int.from_bytes(data[at:at + 4], "big")
        yield data[at + 4:at + 8].decode(), at, at + 8, at + size
        at += size


def inside(data, kind, start, end):
    return next((body, stop) for name, _, body, stop in boxes(data, start, end) if name == kind)


def track_of(data, moof):
    header, _ = inside(data, "tfhd", *inside(data, "traf", *moof))
    return int.from_bytes(data[header + 4:header + 8], "big")


def split(path):
    """The init segment, and the chunks of each track in order."""
    data, init, chunks, moof = path.read_bytes(), b"", {}, None
    for kind, start, body, end in boxes(data):
        if kind in ("ftyp", "moov"):
            init += data[start:end]
        elif kind == "moof":
            moof = start, track_of(data, (body, end))
        elif kind == "mdat" and moof:
            chunks.setdefault(moof[1], []).append(data[moof[0]:end])
            moof = None
    return init, chunks


CATALOG = {
    "version": 1, "streamingFormat": 1, "streamingFormatVersion": "0.2", "supportsDeltaUpdates": True,
    "commonTrackFields": {"packaging": "cmaf", "renderGroup": 1, "initTrack": "0.mp4"},
    "tracks": [
        {"name": "1.m4s", "selectionParams": {"codec": "avc1.64000C", "width": 320, "height": 240}},
        {"name": "2.m4s", "selectionParams": {"codec": "mp4a.40.2", "channelConfig": "1",
                                              "samplerate": 48000}},
    ],
}


@unittest.skipUnless(lib.have("ffmpeg"), "ffmpeg is missing")
class init_track(unittest.TestCase):
    def publish(self, track, objects):
        publisher = self.place.client(f"publisher of {track}", "send", self.server.url, "-n", SPACE,
                                      "--track", track, "--json", stdin=subprocess.PIPE)
        self.write(publisher, objects)
        return publisher

    def write(self, publisher, objects):
        for group, payload in enumerate(objects):
            line = {"group": group, "object": 0, "hex": payload.hex()}
            publisher.process.stdin.write(json.dumps(line).encode() + b"\n")
        publisher.process.stdin.flush()

    def until(self, what, wanted):
        end = time.monotonic() + 10
        while not wanted():
            self.assertLess(time.monotonic(), end, what + "\n" + self.place.tails())
            time.sleep(0.05)

    def test_is_read(self):
        clip = lib.make_clip("separate-fragments.mp4", [
            "-f", "lavfi", "-i", "testsrc=size=320x240:rate=30", "-f", "lavfi", "-i",
            "sine=frequency=440:sample_rate=48000", "-t", "4", "-pix_fmt", "yuv420p", "-c:v", "libx264",
            "-preset", "veryfast", "-bf", "0", "-g", "30", "-sc_threshold", "0", "-c:a", "aac",
            "-movflags", FRAGMENTS])
        init, chunks = split(clip)
        with lib.Workplace() as self.place:
            self.server = self.place.server()
            self.publish("0.mp4", [init])
            self.publish(".catalog", [json.dumps(CATALOG).encode()])
            media = {n: self.publish(f"{n}.m4s", []) for n in (1, 2)}
            self.until("the publishers", lambda: self.server.metric("moqrtc_objects_in_total") >= 2)
            # The second and the third find the init segment at the relay, and not at the publisher.
            subscribers = []
            for count, draft in enumerate((18, 14, 20), 1):
                subscribers.append(self.place.client(
                    f"subscriber{draft}", "subscribe", self.server.url, "-n", SPACE, "--draft", draft,
                    "--json", "-o", self.place.directory / f"{draft}.mp4"))
                # Catalog, picture and sound: the subscription to the init segment is over then.
                self.until(f"the subscriptions of {draft}",
                           lambda: self.server.metric("moqrtc_subscribers") >= 3 * count)
            for number, publisher in media.items():
                self.write(publisher, chunks[number])
                publisher.process.stdin.close()
            for subscriber in subscribers:
                self.assertEqual(subscriber.wait(20), 0, self.place.tails())
                out = self.place.directory / f"{subscriber.name[10:]}.mp4"
                self.assertEqual(lib.compare(clip, out, from_start=True), [], subscriber.tail())


if __name__ == "__main__":
    unittest.main()
