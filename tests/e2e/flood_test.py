"""Strangers in great number harm nobody who is in: Initial packets without an end, handshakes that are
completed and followed by nothing. MOQRTC_FULL=1 sends 10,000 and 500 in a second, for ten seconds."""

import json
import subprocess
import threading
import time
import unittest
from pathlib import Path

import lib
from doors_test import ask

# What a connection may cost that has shown nothing, complete or not, and how many there may be.
EACH = 128 << 10
UNAUTHORIZED = 1000 if lib.FULL else 100
HANDSHAKES = 2000


def resident(process):
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    return 0


class flood(unittest.TestCase):
    def test_media_in_flight_misses_nothing(self):
        initials, handshakes, seconds = (10_000, 500, 10) if lib.FULL else (3_000, 100, 3)
        with lib.Workplace() as place:
            server = place.server(more=("--auth", "required", "--limits.unauthorized",
                                        str(UNAUTHORIZED), "--log-level", "warning"))
            key = (server.data / "admin-key").read_text().strip()
            made = ask(server.http, "POST", "/api/v1/live_inputs", {"name": "camera"}, key)[1]
            token = ask(server.http, "POST", f"/api/v1/live_inputs/{made['id']}/playback", {},
                        key)[1]
            feed = subprocess.Popen(
                ["sh", "-c", "i=0; while :; do i=$((i+1)); echo line$i; sleep 0.02; done"],
                stdout=subprocess.PIPE)
            try:
                place.client("publisher", "send",
                             f"{server.url}/publish/{made['id']}?sk={made['stream_key']}", "-n",
                             token["namespace"], "--track", "t", "--group-every", "25",
                             stdin=feed.stdout)
                end = time.monotonic() + 10
                while not server.metric("moqrtc_namespaces") and time.monotonic() < end:
                    time.sleep(0.05)
                watcher = place.client("watcher", "recv",
                                       f"{server.url}/playback/{made['id']}?tok={token['token']}",
                                       "-n", token["namespace"], "--track", "t")

                def lines():
                    return [int(l[4:]) for l in watcher.out().splitlines()
                            if l.startswith("line")]

                end = time.monotonic() + 10
                while len(lines()) < 20 and time.monotonic() < end:
                    time.sleep(0.05)
                self.assertGreaterEqual(len(lines()), 20, watcher.tail())
                self.measure(place, server, lines, initials, handshakes, seconds)
                self.assertTrue(watcher.running(), watcher.tail())
            finally:
                feed.kill()
                feed.wait()
                feed.stdout.close()

    def measure(self, place, server, lines, initials, handshakes, seconds):
        before, least = resident(server.process), lines()[-1]
        most, strangers, over = [before], [0], threading.Event()

        def watch():
            while not over.wait(0.1):
                most[0] = max(most[0], resident(server.process))
                now = server.metric("moqrtc_limit_current", limit="unauthorized")
                strangers[0] = max(strangers[0], now or 0)

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            ran = subprocess.run(
                [lib.BIN / "moqrtc-flood", str(server.port), "--initials", str(initials),
                 "--handshakes", str(handshakes), "--seconds", str(seconds)],
                capture_output=True, text=True, timeout=seconds + 60)
        finally:
            over.set()
            watching.join()
        self.assertEqual(ran.returncode, 0, ran.stderr)
        done = json.loads(ran.stdout)
        time.sleep(0.5)
        got = lines()
        self.assertEqual(got, list(range(got[0], got[0] + len(got))), "nothing is missing")
        self.assertGreater(got[-1] - least, seconds * 20, "the media went on meanwhile")
        grown = most[0] - before
        budget = (UNAUTHORIZED + HANDSHAKES) * EACH
        retries = server.metric("moqrtc_quic_retries_sent_total")
        closed = server.metric("moqrtc_limit_hits_total", limit="unauthorized")
        print(f"{done['initials'] / seconds:.0f} Initials and "
              f"{done['handshakes_completed'] / seconds:.0f} handshakes a second for {seconds} s: "
              f"{retries:.0f} Retries, {strangers[0]:.0f} strangers at most, {closed:.0f} made room, "
              f"{grown / (1 << 20):.1f} MiB more memory of {budget >> 20} MiB; "
              f"{got[-1] - least} objects, none missing")
        self.assertGreater(done["initials"], initials * seconds * 0.5)
        self.assertGreater(done["handshakes_completed"], 0)
        self.assertGreater(retries, 0)
        self.assertLessEqual(strangers[0], UNAUTHORIZED)
        self.assertGreater(closed, 0)
        self.assertLess(grown, budget)


if __name__ == "__main__":
    unittest.main()
