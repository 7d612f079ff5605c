"""The conformance program against our own relay and clients, over QUIC and WebTransport."""

import json
import subprocess
import unittest
from pathlib import Path
from tempfile import TemporaryDirectory

from demanding import DemandingServer
from lib import BIN, Server, free_udp_port

PROGRAM = BIN / "moqrtc-conformance"
CLIENT = BIN / "moqrtc-client"


def run(*arguments, seconds=150):
    return subprocess.run(
        [str(a) for a in (PROGRAM, *arguments)], capture_output=True, text=True, timeout=seconds
    )


class Conformance(unittest.TestCase):
    def setUp(self):
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def relay(self):
        server = Server(self.folder)
        self.addCleanup(server.stop)
        return server

    def rows(self, name):
        report = json.loads((self.folder / name).read_text())
        return report, {row["id"]: row for row in report["rows"]}

    def check(self, result, name, least):
        report, rows = self.rows(name)
        failed = [f"{r['id']}: {r['reason']}" for r in rows.values() if r["verdict"] == "fail"]
        self.assertEqual(failed, [], result.stdout)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertGreaterEqual(report["totals"]["pass"], least, result.stdout)
        return rows

    def test_relay_keeps_every_row(self):
        relay = self.relay()
        for draft, least in ((18, 198), (16, 168)):
            with self.subTest(draft=draft):
                page = self.folder / f"{draft}.html"
                result = run("--target", relay.url, "--insecure", "--draft", draft,
                             "--json", self.folder / f"{draft}.json", "--html", page)
                rows = self.check(result, f"{draft}.json", least)
                self.assertTrue(any(r["trace"] for r in rows.values()))
                self.assertIn("</html>", page.read_text())

    def test_relay_over_webtransport(self):
        relay = self.relay()
        result = run("--target", f"https://127.0.0.1:{relay.port}/moq", "--insecure", "--filter",
                     "MUST-18-01", "--filter", "MUST-18-02", "--filter", "MUST-18-04",
                     "--filter", "MUST-18-14", "--json", self.folder / "w.json")
        rows = self.check(result, "w.json", 25)
        for name in ("MUST-18-018", "MUST-18-022"):
            self.assertEqual(rows[name]["verdict"], "pass", rows[name])

    def test_tap(self):
        relay = self.relay()
        result = run("--target", relay.url, "--insecure", "--tap", "--filter", "MUST-18-03")
        lines = result.stdout.splitlines()
        self.assertEqual(lines[0], "TAP version 14")
        self.assertEqual(lines[1], f"1..{sum(' - MUST-18-03' in line for line in lines)}")
        self.assertEqual(result.returncode, 0, result.stdout)

    # A subscriber and a publisher that the program starts for each row.
    RECV = (CLIENT, "recv", "{url}", "--insecure", "-n", "live", "--track", "chat")
    # A pipe that goes on: a publisher whose input ends leaves.
    SEND = ("sh", "-c", f"while echo line; do sleep 0.05; done | {CLIENT} send {{url}} --insecure -n live "
                        "--track chat --group-every 5")

    def client_rows(self, peer, command, numbers, least, *more):
        chosen = [a for i in numbers.split() for a in ("--filter", f"MUST-18-{i}")]
        result = run("--listen", "127.0.0.1:0", "--peer", peer, "--patience", 1500,
                     "--json", self.folder / "c.json", *chosen, *more, "--", *command)
        return self.check(result, "c.json", least)

    def test_clients_of_ours(self):
        self.client_rows("subscriber", self.RECV, "017 021 118 119 029 039 058 094 098 099 109", 11)
        self.client_rows("publisher", self.SEND, "017 021 118 119 029 039 070 075 140 146 154 171", 11, "--track",
                         "chat")

    def test_clients_over_webtransport(self):
        rows = self.client_rows("subscriber", self.RECV, "017 021 120 029 058 095", 5, "--webtransport")
        self.assertEqual(rows["MUST-18-120"]["verdict"], "pass", rows["MUST-18-120"])

    def test_client_follows_goaway(self):
        # A URI in GOAWAY is where a client goes that comes back at all.
        self.client_rows("subscriber", (*self.RECV, "--reconnect"), "128", 1)

    def test_relay_that_leaves(self):
        relay = self.relay()
        result = run("--target", relay.url, "--insecure", "--filter", "MUST-18-090", "--filter",
                     "SHOULD-18-007", "--leave", f"kill -TERM {relay.process.pid}",
                     "--json", self.folder / "l.json")
        rows = self.check(result, "l.json", 2)
        self.assertIn("GOAWAY_TIMEOUT", rows["SHOULD-18-007"]["reason"].upper())

    def test_relay_that_demands_tokens(self):
        relay = DemandingServer(self.folder)
        self.addCleanup(relay.stop)
        about = [a for n in ("MUST-20-080", "MUST-20-081", "MUST-20-127", "MUST-20-177", "MUST-20-208",
                             "MUST-20-228", "MUST-20-230") for a in ("--filter", n)]
        target = ("--target", relay.url, "--insecure", "--draft", 20, *about)
        result = run(*target, *relay.known(), "--json", self.folder / "t.json")
        self.check(result, "t.json", 7)
        # An open relay is none that demands tokens: each of these finds out.
        result = run("--target", self.relay().url, "--insecure", "--draft", 20, *about,
                     *relay.known(), "--json", self.folder / "o.json")
        self.assertEqual(result.returncode, 1, result.stdout)
        rows = self.rows("o.json")[1]
        for name in ("MUST-20-081", "MUST-20-177", "MUST-20-208", "MUST-20-228", "MUST-20-230"):
            self.assertEqual(rows[name]["verdict"], "fail", rows[name])

    def test_path_that_loses_everything_for_a_while(self):
        relay = self.relay()
        about = [a for n in ("MUST-20-172", "MUST-20-187", "MUST-20-191", "MUST-20-194", "MUST-20-164")
                 for a in ("--filter", n)]
        result = run("--target", relay.url, "--insecure", "--draft", 20, *about,
                     "--json", self.folder / "p.json")
        self.check(result, "p.json", 5)

    def test_nobody_there(self):
        result = run("--target", f"moqt://127.0.0.1:{free_udp_port()}", "--insecure",
                     "--patience", 300, "--filter", "MUST-18-029")
        self.assertEqual(result.returncode, 3, result.stdout + result.stderr)
        self.assertEqual(run("--draft", 18).returncode, 2)
        self.assertEqual(run("--target", "http://x").returncode, 2)

    def test_document_lists_what_is_not_decidable(self):
        text = (Path(__file__).resolve().parents[2] / "docs" / "conformance.md").read_text()
        for draft in range(14, 23):
            table = text.split(f"<!-- undecidable {draft} -->\n")[1].split("<!-- end -->")[0]
            self.assertEqual(table, run("--list-undecidable", "--draft", draft).stdout)

    def test_vectors(self):
        for draft in range(14, 23):
            folder = Path(__file__).resolve().parents[1] / "vectors" / f"draft{draft}"
            result = run("--vectors", folder)
            self.assertEqual(result.returncode, 0, result.stdout[-2000:])
            self.assertIn(f"draft {draft}:", result.stdout)


if __name__ == "__main__":
    unittest.main()
