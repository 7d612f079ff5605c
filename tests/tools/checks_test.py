#!/usr/bin/env python3
"""Tests of the checks: each rule is broken once in a tree of its own and must be seen."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOLS = Path(__file__).parent
RATIOS = TOOLS.parents[1] / "bench" / "ratios"


class Tree(unittest.TestCase):
    """A temporary tree, and what a check says of it."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.root = Path(self.directory.name)

    def write(self, name, text):
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def header(self, name, *includes, body=""):
        lines = "".join(f"#include {include}\n" for include in includes)
        self.write(f"include/moqrtc/{name}", f"#pragma once\n{lines}{body}\n")

    def run_check(self, program, *arguments):
        done = subprocess.run([sys.executable, str(program), *arguments], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


class Layers(Tree):
    def setUp(self):
        super().setUp()
        for name in ["core/bytes.hpp", "codec/aac.hpp", "cmaf/box.hpp", "moqt/name.hpp", "moqt/session/session.hpp"]:
            self.header(name)

    def check(self):
        return self.run_check(TOOLS / "check_layers.py", str(self.root))

    def assert_refused(self, words):
        status, said = self.check()
        self.assertEqual(status, 1, said)
        self.assertIn(words, said)

    def test_a_clean_tree_passes(self):
        self.header("moqt/msg/fetch.hpp", "<span>", "<moqrtc/core/bytes.hpp>", "<moqrtc/moqt/name.hpp>")
        self.header("cmaf/init.hpp", "<moqrtc/codec/aac.hpp>")
        status, said = self.check()
        self.assertEqual(status, 0, said)

    def test_an_include_that_points_up(self):
        self.header("moqt/msg/fetch.hpp", "<moqrtc/moqt/session/session.hpp>")
        self.assert_refused("points up")

    def test_an_include_that_points_sideways(self):
        self.header("codec/avc.hpp", "<moqrtc/cmaf/box.hpp>")
        self.assert_refused("points sideways")

    def test_a_header_that_does_not_exist(self):
        self.header("cmaf/init.hpp", "<moqrtc/core/nowhere.hpp>")
        self.assert_refused("does not exist")

    def test_a_relative_include(self):
        self.header("cmaf/init.hpp", '"box.hpp"')
        self.assert_refused("is relative")

    def test_the_outside_world(self):
        for include in ["<thread>", "<chrono>", "<iostream>", "<fstream>", "<sys/socket.h>"]:
            self.header("core/out.hpp", include)
            self.assert_refused("has no place")

    def test_nghttp3_outside_its_header(self):
        self.header("webtransport/qpack.hpp", "<nghttp3/nghttp3.h>")
        self.assertEqual(self.check()[0], 0)
        self.header("webtransport/frame.hpp", "<nghttp3/nghttp3.h>")
        self.assert_refused("nghttp3 belongs")

    def test_json_outside_its_units(self):
        self.header("cmaf/init.hpp", "<nlohmann/json.hpp>")
        self.assert_refused("JSON belongs")

    def test_a_stored_callback(self):
        self.header("core/out.hpp", body="std::function<void()> f;")
        self.assert_refused("stored callback")

    def test_a_folder_without_a_floor(self):
        self.header("attic/x.hpp")
        self.assert_refused("on no floor")

    def test_a_long_header(self):
        self.header("core/long.hpp", body="\n" * 400)
        self.assert_refused("at most 400")

    def test_a_long_reference_source(self):
        self.write("reference/server/main.cpp", "\n" * 601)
        self.assert_refused("at most 600")

    def test_no_headers_at_all_is_no_pass(self):
        with tempfile.TemporaryDirectory() as empty:
            self.assertEqual(self.run_check(TOOLS / "check_layers.py", empty)[0], 2)


class Words(Tree):
    def check(self):
        subprocess.run(["git", "init", "-q", str(self.root)], check=True)
        subprocess.run(["git", "-C", str(self.root), "add", "-A"], check=True)
        return self.run_check(TOOLS / "check_words.py", str(self.root))

    def test_plain_words_pass(self):
        self.write("a.md", "Install the package, then look into build/release.\n")
        self.assertEqual(self.check()[0], 0)

    def test_each_rule(self):
        for words in ["https://deb.deb" + "ian.org/x", "registry" + ".npmjs.org", "/work" + "/main/x", "// TO" + "DO"]:
            self.write("a.md", words + "\n")
            status, said = self.check()
            self.assertEqual(status, 1, words)
            self.assertIn("a.md:1:", said)

    def test_a_file_too_large(self):
        self.write("a.bin", "x" * ((1 << 20) + 1))
        self.assertEqual(self.check()[0], 1)

    def test_no_work_tree_is_a_skip(self):
        status, said = self.run_check(TOOLS / "check_words.py", str(self.root))
        self.assertEqual(status, 77)
        self.assertTrue(said.startswith("skipped: "))


class Ratios(Tree):
    def check(self, *rows, options=()):
        benchmarks = [
            {"name": name, "run_name": name, "run_type": "iteration", "cpu_time": time, "time_unit": "ns", **extra}
            for name, time, extra in rows
        ]
        file = self.write("result.json", json.dumps({"benchmarks": benchmarks}))
        return self.run_check(RATIOS, *options, str(file))

    def test_a_lane_within_its_gate(self):
        status, said = self.check(("C1/subscribe/ours", 14, {}), ("C1/subscribe/floor", 10, {}))
        self.assertEqual(status, 0, said)
        self.assertIn("1 gated lanes, 0 missed", said)

    def test_a_lane_beyond_its_gate(self):
        rows = ("C1/subscribe/ours", 16, {}), ("C1/subscribe/floor", 10, {})
        self.assertEqual(self.check(*rows)[0], 1)
        self.assertEqual(self.check(*rows, options=["--no-gate"])[0], 0)

    def test_the_median_counts(self):
        ours = [("C4/frame/ours", time, {}) for time in (20, 21, 900)]
        self.assertEqual(self.check(*ours, ("C4/frame/floor", 10, {}))[0], 0)

    def test_items_count(self):
        rows = ("C2/o/ours", 900, {"items_per_second": 1e8}), ("C2/o/floor", 10, {})
        self.assertEqual(self.check(*rows)[0], 0)

    def test_allocations_in_a_lane_that_must_not(self):
        floor = ("S4/fan/floor", 10, {})
        self.assertEqual(self.check(("S4/fan/ours", 10, {"allocations": 0.0}), floor)[0], 0)
        self.assertEqual(self.check(("S4/fan/ours", 10, {"allocations": 0.5}), floor)[0], 1)
        self.assertEqual(self.check(("S4/fan/ours", 10, {}), floor)[0], 1)

    def test_arguments_stay_in_the_name(self):
        rows = ("C3/varint/ours/120", 30, {}), ("C3/varint/floor/120", 10, {}), ("C3/varint/floor/1200", 30, {})
        status, said = self.check(*rows)
        self.assertEqual(status, 1, said)
        self.assertIn("only floor", said)

    def test_a_benchmark_that_failed(self):
        self.assertEqual(self.check(("C1/x/ours", 1, {"error_occurred": True}))[0], 2)


if __name__ == "__main__":
    unittest.main()
