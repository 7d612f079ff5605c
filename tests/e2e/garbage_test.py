"""Garbage on every input gets a clear error; nobody else notices."""

import os
import random
import socket
import subprocess
import unittest

import lib


def run(*arguments, stdin=None, seconds=20):
    return subprocess.run([str(a) for a in arguments], input=stdin, capture_output=True,
                          timeout=seconds)


@unittest.skipUnless(lib.have("ffmpeg"), "ffmpeg is missing")
class garbage(unittest.TestCase):
    def test_a_broadcast_goes_on_while_garbage_comes(self):
        clip = lib.live_clip(8, "320x240")
        dice = random.Random(7)
        with lib.Workplace() as place:
            server = place.server()
            out = place.directory / "out.mp4"
            subscriber = place.client("subscriber", "subscribe", server.url, "-n", "live/calm",
                                      "--json", "-o", out)
            publisher = place.client("publisher", "publish", server.url, "-n", "live/calm", clip)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                for _ in range(20000):
                    data = dice.randbytes(dice.choice([0, 1, 7, 20, 21, 100, 1200, 1452]))
                    if dice.random() < 0.5 and data:
                        # The form of a long header, so that it gets further in.
                        data = bytes([0xc0 | data[0] & 0x3f]) + b"\0\0\0\1" + data[5:]
                    s.sendto(data, ("127.0.0.1", server.port))
            whole = clip.read_bytes()
            bad = place.directory / "bad.mp4"
            for cut in [0, 1, 7, 8, 30, 100, 1000, len(whole) // 3, len(whole) // 2, len(whole) - 9]:
                bad.write_bytes(whole[:cut])
                done = run(lib.BIN / "moqrtc-client", "publish", server.url, "--insecure", "-n",
                           "live/bad", "--no-pace", bad)
                self.assertIn(done.returncode, (0, 1), f"cut at {cut}: {done.stderr.decode()}")
                if cut < len(whole) // 3:
                    self.assertEqual(done.returncode, 1, f"cut at {cut}")
                    self.assertIn("bad.mp4", done.stderr.decode())
            for _ in range(10):
                damaged = bytearray(whole)
                for _ in range(200):
                    damaged[dice.randrange(min(len(damaged), 20000))] = dice.randrange(256)
                bad.write_bytes(damaged)
                done = run(lib.BIN / "moqrtc-client", "publish", server.url, "--insecure", "-n",
                           "live/bad", "--no-pace", bad)
                self.assertIn(done.returncode, (0, 1), done.stderr.decode())
            done = run(lib.BIN / "moqrtc-client", "publish", server.url, "--insecure", "-n",
                       "live/bad", "-", stdin=dice.randbytes(100000))
            self.assertEqual(done.returncode, 1, done.stderr.decode())
            self.assertEqual(publisher.wait(30), 0, publisher.tail())
            self.assertEqual(subscriber.wait(15), 0, subscriber.tail())
            self.assertEqual(lib.compare(clip, out), [], subscriber.tail())
            self.assertTrue(server.running(), server.tail())
            print("20,000 datagrams and 21 broken files: the broadcast beside them is identical")

    def test_configuration(self):
        dice = random.Random(11)
        with lib.Workplace() as place:
            path = place.directory / "server.toml"
            for text in (b"listen = ", b"[limits\n", b"unknown_key = 1\n", b'listen = "nowhere"\n',
                         b"threads = -3\n", dice.randbytes(500), b"\xff\xfe"):
                path.write_bytes(text)
                done = run(lib.BIN / "moqrtc-server", "--config", path, "--check-config")
                self.assertEqual(done.returncode, 2, f"{text[:30]!r}: {done.stderr.decode()}")
                self.assertTrue(done.stderr or done.stdout)

    def test_arguments(self):
        for arguments in (["publish"], ["publish", "ftp://x", "-n", "a", "f"], ["nonsense"],
                          ["subscribe", "moqt://localhost:1", "-n", "a/%zz"],
                          ["subscribe", "moqt://localhost:1", "-n", "a", "--draft", "3"]):
            done = run(lib.BIN / "moqrtc-client", *arguments)
            self.assertEqual(done.returncode, 2, f"{arguments}: {done.stderr.decode()}")
            self.assertTrue(done.stderr or done.stdout)
        port = lib.free_udp_port()
        done = run(lib.BIN / "moqrtc-client", "subscribe", f"moqt://127.0.0.1:{port}", "--insecure",
                   "-n", "a/b")
        self.assertEqual(done.returncode, 3, done.stderr.decode())


if __name__ == "__main__":
    unittest.main()
