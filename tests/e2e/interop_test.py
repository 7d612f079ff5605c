"""`moqrtc-client interop` as the interop runner uses it, and the traces that it and the server leave."""

import json
import os
import re
import subprocess
import unittest

import lib

RUNNER = ["setup-only", "announce-only", "publish-namespace-done", "subscribe-error",
          "announce-subscribe", "subscribe-before-announce"]


def run(*arguments, seconds=60, **environment):
    clean = {k: v for k, v in os.environ.items()
             if k not in ("RELAY_URL", "TESTCASE", "TLS_DISABLE_VERIFY", "VERBOSE")}
    return subprocess.run([lib.BIN / "moqrtc-client", "interop", *arguments], capture_output=True,
                          text=True, timeout=seconds, stdin=subprocess.DEVNULL,
                          env={**clean, **environment})


class Tap:
    """What a run printed; every line has to be one that TAP 14 knows."""

    def __init__(self, text):
        lines = text.splitlines()
        assert lines[0] == "TAP version 14", text
        self.plan, self.points, self.bailed = None, {}, None
        name, block = None, None
        for line in lines[1:]:
            if block is not None:
                if line == "  ...":
                    block = None
                    continue
                key, value = re.fullmatch(r"  ([a-z_0-9]+): (.+)", line).groups()
                block[key] = json.loads(value)
            elif line == "  ---":
                block = self.points[name][2]
            elif line.startswith("#"):
                pass
            elif line.startswith("Bail out!"):
                self.bailed = line
            elif re.fullmatch(r"1\.\.\d+", line):
                self.plan = int(line[3:])
            else:
                good, number, rest = re.fullmatch(r"(ok|not ok) (\d+) - (.+)", line).groups()
                assert int(number) == len(self.points) + 1, text
                name, _, directive = rest.partition(" # ")
                self.points[name] = (good == "ok", directive, {})
        assert block is None, text

    def failed(self):
        return [name for name, (good, _, _) in self.points.items() if not good]


def records(path):
    """The events of a trace, by name."""
    text = path.read_text()
    assert text.startswith("\x1e") and text.endswith("\n"), path
    return [json.loads(part) for part in text.split("\x1e")[1:]]


class interop(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = lib.Workplace()
        cls.traces = cls.place.directory / "traces"
        cls.server = cls.place.server(more=("--qlog-dir", cls.traces))
        cls.drafts = [int(d) for d in json.loads(run_info(cls.server))["drafts"]]
        cls.all = run("--list").stdout.splitlines()

    @classmethod
    def tearDownClass(cls):
        cls.place.close()

    def urls(self):
        return f"moqt://127.0.0.1:{self.server.port}", f"https://127.0.0.1:{self.server.port}/moq"

    def test_every_case_passes_in_every_draft(self):
        self.assertEqual(self.all[:6], RUNNER)
        self.assertGreaterEqual(len(self.all), 12)
        quic, webtransport = self.urls()
        plan = [(quic, draft) for draft in self.drafts]
        plan += [(webtransport, draft) for draft in (max(self.drafts), 16)]
        for url, draft in plan:
            with self.subTest(url=url, draft=draft):
                done = run("-r", url, "--draft", str(draft), "--tls-disable-verify")
                tap = Tap(done.stdout)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertEqual(tap.plan, len(self.all))
                self.assertEqual(list(tap.points), self.all)
                self.assertEqual(tap.failed(), [], done.stdout)
                skipped = [name for name, (_, why, _) in tap.points.items() if why]
                self.assertLessEqual(set(skipped), {"publish-flow"} if draft < 16 else set())
                for name, (_, _, block) in tap.points.items():
                    self.assertLess(block["duration_ms"], 5000, name)
                    roles = [k for k in block if k.endswith("connection_id")]
                    single = name in RUNNER[:4]
                    self.assertEqual(roles == ["connection_id"], single, name)
                    if not single and name in RUNNER:
                        self.assertEqual(sorted(roles), ["publisher_connection_id",
                                                         "subscriber_connection_id"])

    def test_environment(self):
        quic, webtransport = self.urls()
        done = run(RELAY_URL=webtransport, TESTCASE="setup-only", TLS_DISABLE_VERIFY="1")
        self.assertEqual(done.returncode, 0, done.stdout)
        tap = Tap(done.stdout)
        self.assertEqual(list(tap.points), ["setup-only"])
        self.assertEqual(tap.points["setup-only"][2]["transport"], "webtransport")
        self.assertEqual(done.stderr, "")
        loud = run("-r", quic, "-t", "announce-only", RELAY_URL="moqt://127.0.0.1:1", TESTCASE="none",
                   TLS_DISABLE_VERIFY="1", VERBOSE="1")
        self.assertEqual(loud.returncode, 0, "what the command line says wins")
        self.assertIn("REQUEST_OK", loud.stderr)
        self.assertEqual(run(RELAY_URL=quic, TESTCASE="setup-only", TLS_DISABLE_VERIFY="0").returncode, 1)

    def test_what_there_is_not(self):
        done = run("-r", self.urls()[0], "-t", "juggling", "--tls-disable-verify")
        self.assertEqual(done.returncode, 127)
        self.assertIn("SKIP", Tap(done.stdout).points["juggling"][1])
        self.assertEqual(run("-r", "ftp://x").returncode, 2)

    def test_failures_are_told(self):
        nobody = run("-r", "moqt://127.0.0.1:1", "--tls-disable-verify")
        self.assertEqual(nobody.returncode, 1)
        tap = Tap(nobody.stdout)
        self.assertEqual(tap.failed(), ["setup-only"])
        self.assertIsNotNone(tap.bailed)
        refused = run("-r", self.urls()[1] + "/nothing", "-t", "setup-only", "--tls-disable-verify")
        self.assertEqual(refused.returncode, 1)
        block = Tap(refused.stdout).points["setup-only"][2]
        self.assertIn("404", block["message"])
        old = self.place.server(name="old", more=("--drafts", "16"))
        other = run("-r", f"moqt://127.0.0.1:{old.port}", "--draft", "18", "--tls-disable-verify")
        self.assertEqual(other.returncode, 1)
        self.assertIsNotNone(Tap(other.stdout).bailed)
        # One session at a time: what needs a second one fails, and names what it had waited for.
        lonely = self.place.server(name="lonely", more=("--limits.sessions", "1"))
        single = run("-r", f"https://127.0.0.1:{lonely.port}/moq", "--tls-disable-verify")
        self.assertEqual(single.returncode, 1)
        tap = Tap(single.stdout)
        self.assertEqual(tap.failed(), self.all[4:])
        for name in tap.failed():
            self.assertEqual(tap.points[name][2]["expected"], "SETUP from the peer")
            self.assertIn("429", tap.points[name][2]["message"])

    def test_traces_of_both_sides(self):
        ours = self.place.directory / "ours"
        for url in self.urls():
            done = run("-r", url, "-t", "fetch-past", "--tls-disable-verify", "--qlog-dir", ours)
            self.assertEqual(done.returncode, 0, done.stdout)
            block = Tap(done.stdout).points["fetch-past"][2]
            names = {}
            for role in ("publisher", "subscriber"):
                one = block[role + "_connection_id"]
                for end, directory in (("client", ours), ("server", self.traces)):
                    self.assertTrue((directory / f"{one}_{end}.sqlog").exists())
                    events = records(directory / f"{one}_{end}.mlog")
                    self.assertEqual(events[0]["trace"]["common_fields"]["group_id"], one)
                    self.assertEqual(events[0]["trace"]["vantage_point"]["type"], end)
                    times = [e["time"] for e in events[1:]]
                    self.assertEqual(times, sorted(times))
                    self.assertNotIn("moqrtc:not_understood", [e["name"] for e in events[1:]])
                    names[role, end] = [e["name"] for e in events[1:]]
            there = names["subscriber", "server"]
            here = names["subscriber", "client"]
            # What one side made the other has read, object for object.
            for what in ("subgroup_header", "subgroup_object", "fetch_header", "fetch_object"):
                made = there.count(f"moqt:{what}_created")
                self.assertEqual(made, here.count(f"moqt:{what}_parsed"), what)
                self.assertGreater(made, 2, what)
            self.assertEqual(here.count("moqt:control_message_created"),
                             there.count("moqt:control_message_parsed"))
            self.assertEqual(here.count("moqrtc:session_closed"), 1)
            self.assertIn("moqt:subgroup_object_created", names["publisher", "client"])


def run_info(server):
    import urllib.request

    with urllib.request.urlopen(f"http://{server.http}/api/v1/info", timeout=5) as answer:
        return answer.read().decode()


if __name__ == "__main__":
    unittest.main()
