"""Each subcommand of the client against a relay."""

import json
import os
import subprocess
import time
import unittest

import lib


class client(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = lib.Workplace()
        cls.server = cls.place.server()
        cls.url = cls.server.url
        cls.clip = None
        if lib.have("ffmpeg"):
            cls.clip = lib.live_clip(20, "320x240")
            publisher = cls.place.client("publisher", "publish", cls.url, "-n", "live/client",
                                         "--loop", cls.clip)
            assert publisher.wait_for("publishing", 10), publisher.tail()
            time.sleep(2.5)

    @classmethod
    def tearDownClass(cls):
        cls.place.close()

    def run_client(self, *arguments, stdin=None, seconds=30):
        return subprocess.run([str(lib.BIN / "moqrtc-client"), *map(str, arguments)], input=stdin,
                              capture_output=True, text=True, timeout=seconds,
                              **({} if stdin is not None else {"stdin": subprocess.DEVNULL}))

    def ask(self, command, *arguments, status=0, **more):
        run = self.run_client(command, self.url, "--insecure", *arguments, **more)
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        return run

    def needs_clip(self):
        if self.clip is None:
            self.skipTest("ffmpeg is missing")

    def test_catalog(self):
        self.needs_clip()
        for draft in ("16", "18"):
            run = self.ask("catalog", "-n", "live/client", "--json", "--draft", draft)
            self.assertEqual(len(run.stdout.splitlines()), 1)
            names = [t["name"] for t in json.loads(run.stdout)["tracks"]]
            self.assertEqual(names, ["video", "audio"])
        pretty = self.ask("catalog", "-n", "live/client").stdout
        self.assertGreater(len(pretty.splitlines()), 10)
        self.assertEqual(json.loads(pretty)["version"], "1")
        self.assertIn("DOES_NOT_EXIST", self.ask("catalog", "-n", "no/where", status=1).stderr)

    def test_namespaces(self):
        self.needs_clip()
        self.assertIn("live/client", self.ask("namespaces").stdout.splitlines())
        self.assertIn("live/client", self.ask("namespaces", "--prefix", "live").stdout)
        self.assertEqual(self.ask("namespaces", "--prefix", "other").stdout, "")

    def test_namespaces_follow(self):
        follower = self.place.client("follower", "namespaces", self.url, "--prefix", "come",
                                     "--follow", "--json")
        time.sleep(0.5)
        self.ask("send", "-n", "come/go", "--track", "t", stdin="a\n")
        self.assertTrue(follower.wait_for('"removed"', 5, "out"), follower.tail())
        events = [json.loads(line) for line in follower.out().splitlines()]
        self.assertEqual([e["event"] for e in events], ["added", "removed"])
        self.assertEqual({e["namespace"] for e in events}, {"come/go"})
        self.assertEqual(follower.stop(), 0)

    def test_status_and_fetch(self):
        self.needs_clip()
        for draft in ("16", "18"):
            status = json.loads(self.ask("status", "-n", "live/client", "--track", "video",
                                         "--json", "--draft", draft).stdout)
            group = int(status["largest"].split(":")[0]) - 1
            listed = self.ask("fetch", "-n", "live/client", "--track", "video", "--json", "--draft",
                              draft, "--start", f"{group}:0", "--end", f"{group}:0").stdout
            objects = [json.loads(line) for line in listed.splitlines()]
            self.assertEqual([o["object"] for o in objects], list(range(30)))
            few = self.ask("fetch", "-n", "live/client", "--track", "video", "--start",
                           f"{group}:2", "--end", f"{group}:5").stdout
            self.assertEqual([line.split()[0] for line in few.splitlines()],
                             [f"{group}:{i}" for i in (2, 3, 4)])
            path = self.place.directory / f"fetched{draft}.mp4"
            self.ask("fetch", "-n", "live/client", "--track", "video", "--start", f"{group}:0",
                     "--end", f"{group}:0", "--draft", draft, "-o", path)
            self.assertEqual(lib.packet_counts(path), {0: 30}, "the file plays")
        self.ask("status", "-n", "live/client", "--track", "none", status=1)
        self.ask("fetch", "-n", "live/client", "--track", "none", "--start", "0:0", "--end", "1:0",
                 status=1)
        self.ask("fetch", "-n", "a", "--track", "b", "--start", "9:0", "--end", "8:0", status=2)

    def test_send_and_recv(self):
        for draft in ("16", "18"):
            receiver = self.place.client(f"recv{draft}", "recv", self.url, "-n", f"lines/{draft}",
                                         "--track", "t", "--json", "--draft", draft)
            time.sleep(0.4)
            lines = [f"line {i} \u00e4" for i in range(20)]
            self.ask("send", "-n", f"lines/{draft}", "--track", "t", "--group-every", "5",
                     stdin="\n".join(lines))
            self.assertEqual(receiver.wait(10), 0, receiver.tail())
            got = [json.loads(line) for line in receiver.out().splitlines()]
            self.assertEqual([g["text"] for g in got], lines)
            self.assertEqual([g["object"] for g in got], [i % 5 for i in range(20)])
            self.assertEqual(len({g["group"] for g in got}), 4)

    def test_recv_ends_after_duration(self):
        began = time.monotonic()
        self.ask("recv", "-n", "nobody", "--track", "t", "--duration", "1", "--wait", "5")
        self.assertLess(time.monotonic() - began, 4)

    def test_refusal_comes_before_clients_give_up(self):
        for draft in ("16", "18"):
            began = time.monotonic()
            refused = self.ask("recv", "-n", "nonexistent/namespace", "--track", "test-track",
                               "--draft", draft, "--wait", "0", status=1)
            self.assertLess(time.monotonic() - began, 2)
            self.assertIn("nonexistent/namespace/test-track: ", refused.stderr)

    def test_subscribe_long_before_publish(self):
        self.needs_clip()
        short = lib.live_clip(4, "320x240")
        subscribers = [self.place.client(f"early{d}", "subscribe", self.url, "-n", "live/early",
                                         "--draft", d, "--json", "-o",
                                         self.place.directory / f"early{d}.mp4")
                       for d in ("16", "18")]
        time.sleep(4.2)  # the relay refuses a SUBSCRIBE of draft 16 after 1.5 s; it is repeated
        self.assertTrue(all(s.running() for s in subscribers))
        self.ask("publish", "-n", "live/early", short)
        for d, s in zip(("16", "18"), subscribers):
            self.assertEqual(s.wait(10), 0, s.tail())
            self.assertEqual(lib.compare(short, self.place.directory / f"early{d}.mp4",
                                         from_start=True), [], s.tail())

    def test_publish_from_pipe_and_subscribe_to_standard_output(self):
        self.needs_clip()
        maker = subprocess.Popen(
            ["ffmpeg", "-v", "error", "-nostdin", "-t", "4", "-i", str(self.clip), "-c", "copy",
             "-movflags", "frag_keyframe+empty_moov+default_base_moof", "-f", "mp4", "-"],
            stdout=subprocess.PIPE)
        path = self.place.directory / "piped.mp4"
        with open(path, "wb") as out:
            subscriber = subprocess.Popen(
                [str(lib.BIN / "moqrtc-client"), "subscribe", self.url, "--insecure", "-n",
                 "live/pipe", "-o", "-"], stdout=out, stderr=subprocess.PIPE)
            publisher = self.place.client("pipe", "publish", self.url, "-n", "live/pipe", "-",
                                          stdin=maker.stdout)
            maker.stdout.close()
            _, said = subscriber.communicate(timeout=30)
        self.assertEqual(publisher.wait(10), 0, publisher.tail())
        self.assertEqual(maker.wait(10), 0)
        self.assertEqual(subscriber.returncode, 0, said)
        self.assertGreaterEqual(lib.packet_counts(path)[0], 119)

    def test_publish_of_a_file_that_is_shortened(self):
        self.needs_clip()
        path = self.place.directory / "shortened.mp4"
        path.write_bytes(lib.live_clip(4, "320x240").read_bytes())
        publisher = self.place.client("shortened", "publish", self.url, "-n", "live/shortened",
                                      "--loop", path)
        self.assertTrue(publisher.wait_for("publishing", 10), publisher.tail())
        time.sleep(0.5)
        with open(path, "r+b") as file:
            file.truncate(path.stat().st_size // 2)
        self.assertEqual(publisher.wait(10), 1, publisher.tail())
        self.assertIn("was shortened while it was read", publisher.err())

    def test_progress_is_for_terminals_alone(self):
        self.needs_clip()
        short = lib.live_clip(4, "320x240")
        arguments = [str(lib.BIN / "moqrtc-client"), "publish", self.url, "--insecure", "-n",
                     "live/progress", str(short)]
        ours, theirs = os.openpty()
        shown = b""
        with subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=theirs) as publisher:
            os.close(theirs)
            while True:
                try:
                    piece = os.read(ours, 4096)
                except OSError:  # how a terminal says that nobody has it open any more
                    break
                if not piece:
                    break
                shown += piece
            os.close(ours)
            self.assertEqual(publisher.wait(10), 0)
        self.assertIn(b"objects/s", shown)
        self.assertIn(b"\r\x1b[Kpublished ", shown, "the line makes way")
        plain = subprocess.run(arguments, capture_output=True, timeout=20)
        self.assertEqual(plain.returncode, 0)
        self.assertNotIn(b"\x1b", plain.stderr)
        self.assertNotIn(b"objects/s", plain.stderr)

    def test_exit_statuses(self):
        self.assertEqual(self.run_client("catalog", "moqt://127.0.0.1:1", "--insecure", "-n", "a")
                         .returncode, 3)
        self.assertEqual(self.run_client("catalog", "ftp://x", "-n", "a").returncode, 2)
        self.assertEqual(self.run_client("catalog", self.url, "--insecure").returncode, 2)
        self.assertEqual(self.run_client("nonsense").returncode, 2)
        self.assertEqual(self.run_client("--help").returncode, 0)
        self.assertEqual(self.run_client("catalog", self.url, "-n", "a").returncode, 3,
                         "a certificate that nobody vouches for")
        for trust in ((), ("--cert-sha256", "00" * 32)):
            stubborn = self.run_client("catalog", self.url, "--reconnect", *trust, "-n", "a",
                                       seconds=10)
            self.assertEqual(stubborn.returncode, 3, "no attempt changes a certificate")
            self.assertIn("certificate not believed", stubborn.stderr)
        modern = self.place.server(name="modern", more=("--drafts", "18"))
        for transport in ("auto", "quic", "webtransport"):
            speechless = self.run_client("catalog", modern.url, "--insecure", "--reconnect",
                                         "--draft", "16", "--transport", transport, "-n", "a",
                                         seconds=10)
            self.assertEqual(speechless.returncode, 3, f"{transport}: {speechless.stderr}")
        lost = self.run_client("catalog", modern.url + "/no/such/path", "--insecure", "--transport",
                               "webtransport", "-n", "a", seconds=10)
        self.assertEqual(lost.returncode, 1, lost.stderr)
        missing = self.run_client("publish", self.url, "--insecure", "-n", "a", "/no/such.mp4")
        self.assertEqual(missing.returncode, 1, missing.stderr)

    def test_decode(self):
        # Type 0, alias 5, group 7, object 2, priority 128; then a message that is cut short.
        good = self.run_client("decode", "--draft", "16", "--as", "datagram", "00 05 07 02 80 6869")
        self.assertEqual(good.returncode, 0, good.stderr)
        self.assertIn('000001  track_alias  5', good.stdout)
        self.assertIn('000005  payload  "hi"', good.stdout)
        bad = self.run_client("decode", "--as", "message", "06 0009 01")
        self.assertEqual(bad.returncode, 1)
        self.assertIn("truncated", bad.stderr)
        self.assertIn("at byte", bad.stderr)
        catalog = self.place.directory / "catalog.json"
        catalog.write_text('{"version":"1","tracks":[{"name":"v","packaging":"cmaf","isLive":true}]}')
        read = self.run_client("decode", catalog)
        self.assertEqual(read.returncode, 0, read.stderr)
        self.assertIn('name  "v"', read.stdout)
        self.assertEqual(self.run_client("decode", "xyz").returncode, 2)
        self.needs_clip()
        boxes = self.run_client("decode", self.clip)
        self.assertEqual(boxes.returncode, 0, boxes.stderr)
        self.assertIn('000000  box "ftyp"', boxes.stdout)


if __name__ == "__main__":
    unittest.main()
