"""That the look for secrets at the end of every test (leaks.py) finds one, in every spelling and
place; and that a server keeps its own to itself."""

import base64
import json
import sqlite3
import unittest
import urllib.request
from pathlib import Path
from urllib.parse import quote

import leaks
import lib

KEY = "sk_" + "abcdefgh23456722" * 2
TOKEN = ".".join(("eyJhbGciOiJFZERTQSJ9", "eyJleHAiOjE3MDAwMDAwMDB9", "c2lnbmF0dXJlLW9mLWl0LWFsbA"))


class leaks_are_found(unittest.TestCase):
    def found(self, write):
        place = lib.Workplace()
        write(place.directory)
        try:
            place.close()
        except AssertionError as complaint:
            self.assertNotIn(KEY, str(complaint))
            return str(complaint)
        return ""

    def test_in_every_spelling(self):
        leaks.collect(f"{KEY} {TOKEN}".encode())
        for secret in (KEY, TOKEN):
            data = secret.encode()
            texts = [data, quote(f"?tok={secret}", safe="").encode(), data.hex().encode(),
                     "".join(f"%{b:02x}" for b in data).encode(),
                     json.dumps({"url": f"https://h/x?sk={secret}&a=b"}).encode()]
            texts += [base64.b64encode(b"0123"[:n] + data + b"tail") for n in range(4)]
            texts += [base64.urlsafe_b64encode(b"key=" + data)]
            for text in texts:
                for before in (b"", b"x" * 70_000 + b"\0"):
                    said = self.found(lambda at: (at / "server.err").write_bytes(before + text))
                    self.assertIn("server.err", said, text)
        harmless = (KEY[:-1], "sk_short", TOKEN.rsplit(".", 1)[0], "lv_" + "a" * 32)
        self.assertEqual(self.found(lambda at: (at / "log").write_text(" ".join(harmless))), "")

    def test_in_every_place(self):
        def traces(at):
            (at / "a" / "b").mkdir(parents=True)
            (at / "a" / "b" / "x.sqlog").write_text(f'{{"token":"{TOKEN}"}}')

        def base(at):
            data = sqlite3.connect(at / "control.db")
            data.execute("PRAGMA journal_mode = WAL")
            data.execute("CREATE TABLE t (a)")
            data.execute("INSERT INTO t VALUES (?)", (f"key {KEY}",))
            data.commit()  # and left open: it stands in the log beside the file

        def beginning(at):
            data = sqlite3.connect(at / "control.db")
            data.execute("CREATE TABLE t (a, b)")
            data.execute("INSERT INTO t VALUES (?, ?)", ("mk_abcdef", "a7" * 13 + "0" * 38))
            data.commit()
            data.close()

        self.assertIn("a/b/x.sqlog", self.found(traces))
        self.assertEqual(self.found(beginning), "", "a key's beginning and its hash are no key")
        self.assertIn("control.db", self.found(base))

    def test_a_run_is_looked_at(self):
        place = lib.Workplace()
        self.addCleanup(lambda: [one.kill() for one in place.processes])
        traces = place.directory / "traces"
        server = place.server(more=("--auth", "required", "--qlog-dir", traces))
        key = (server.data / "admin-key").read_text().strip()
        ask = urllib.request.Request(
            f"http://{server.http}/api/v1/live_inputs", b"{}", method="POST",
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
        with urllib.request.urlopen(ask, timeout=10) as answer:
            made = json.loads(answer.read())
        url = f"{server.url}/publish/{made['id']}?sk={made['stream_key']}"
        sender = place.client("sender", "send", url, "-n", made["namespace"], "--track", "t")
        self.assertEqual(sender.wait(10), 0, sender.tail())
        self.assertEqual(server.stop(), 0)
        for secret in (key, made["stream_key"], (server.data / "pepper").read_text().strip()):
            # Also what is not handed out but only kept: collected in the end.
            leaks.collect_files(leaks.keepers(place.directory))
            self.assertIn(secret.encode(), leaks.handed_out)
        with open(server.err_path, "a", encoding="utf-8") as log:
            log.write(base64.b64encode(url.encode()).decode() + "\n")
        with self.assertRaises(AssertionError) as complaint:
            place.close()
        self.assertIn("server.err", str(complaint.exception))
        self.assertEqual(len(str(complaint.exception).splitlines()), 2, "and nowhere else")
        names = {path.name for path in place.looked}
        self.assertLessEqual({"control.db", "server.err", "server.out", "sender.err"}, names)
        self.assertTrue([name for name in names if Path(name).suffix in (".sqlog", ".mlog", ".qlog")], names)
        self.assertFalse({"admin-key", "pepper", "quic-secrets"} & names)


if __name__ == "__main__":
    unittest.main()
