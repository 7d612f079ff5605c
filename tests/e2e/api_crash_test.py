"""What the API acknowledged is there after `kill -9` in the middle of a thousand writes, nothing is
made twice by asking again, and a call token that was used stays used."""

import http.client
import json
import os
import subprocess
import threading
import time
import unittest

import lib

WRITES = 1000
WRITERS = 4


class caller:
    """A connection to the API with a key."""

    def __init__(self, server):
        self.peer = http.client.HTTPConnection(server.http, timeout=10)
        self.key = (server.data / "admin-key").read_text().strip()

    def ask(self, method, path, body=None, once=None):
        """Status and answer; waits where it is too fast."""
        fields = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        if once:
            fields["Idempotency-Key"] = once
        while True:
            self.peer.request(method, "/api/v1" + path, None if body is None else json.dumps(body),
                              fields)
            answer = self.peer.getresponse()
            text = answer.read()
            if answer.status != 429:
                return answer.status, json.loads(text)
            time.sleep(1)

    def inputs(self):
        """Every live input: (id, name)."""
        out, after = [], 0
        while after is not None:
            page = self.ask("GET", f"/live_inputs?limit=1000&after={after}")[1]
            out += [(one["id"], one["name"]) for one in page["live_inputs"]]
            after = page["next"]
        return out


class crash(unittest.TestCase):
    def setUp(self):
        self.place = lib.Workplace()
        self.addCleanup(self.place.close)

    def comes_in(self, server, token, space):
        """Whether somebody who comes to a call with `token` may stay and publish."""
        before = len(server.err())
        stop, start = os.pipe()
        one = self.place.client(f"caller{len(self.place.processes)}", "send", server.url + "/moq",
                                "-n", space, "--track", "t", "--token", token, stdin=stop)
        os.write(start, b"hello\n")
        end = time.monotonic() + 10
        said = ""
        while time.monotonic() < end and "namespace_" not in said and "refused" not in said:
            time.sleep(0.05)
            said = server.err()[before:]
        time.sleep(0.3)  # the ledger on the disk has answered by then
        said = server.err()[before:]
        os.close(start), os.close(stop)
        one.stop()
        # What was announced and taken back at once was not let in either.
        return said.count("namespace_added") > said.count("namespace_removed")

    def test_nothing_acknowledged_is_lost(self):
        server = self.place.server(more=("--auth", "required"))
        first = caller(server)
        self.addCleanup(first.peer.close)
        key = first.ask("POST", "/keys", {})[1]
        minted = subprocess.run(
            [lib.BIN / "moqrtc-client", "token", "mint", "--key",
             server.data / "keys" / f"{key['id']}.jwk", "--profile", "call", "--org", key["org"],
             "--call", "c", "--user", "ann", "--role", "publisher", "--transport", "moq", "--ttl",
             "120"], capture_output=True, text=True, check=True)
        token, space = minted.stdout.strip(), f"call/{key['org']}/c/ann"
        self.assertTrue(self.comes_in(server, token, space), self.place.tails())
        self.assertFalse(self.comes_in(server, token, space), self.place.tails())

        acknowledged, asked, lock, cut = [], set(), threading.Lock(), threading.Event()

        def write(number):
            mine = caller(server)
            self.addCleanup(mine.peer.close)
            for i in range(WRITES // WRITERS):
                name = f"{number}.{i}"
                with lock:
                    asked.add(name)
                try:
                    status, made = mine.ask("POST", "/live_inputs", {"name": name}, once=name)
                except (OSError, http.client.HTTPException, ValueError):
                    return
                if status != 201:
                    return
                with lock:
                    acknowledged.append((made["id"], made["name"]))
                    if len(acknowledged) == WRITES // 2:
                        cut.set()

        writers = [threading.Thread(target=write, args=(n,)) for n in range(WRITERS)]
        for one in writers:
            one.start()
        self.assertTrue(cut.wait(120), server.tail())
        server.kill()
        for one in writers:
            one.join()
        self.assertGreaterEqual(len(acknowledged), WRITES // 2)
        self.assertLess(len(acknowledged), WRITES, "the kill came after the last write")

        again = self.place.server(name="again", data=server.data, more=("--auth", "required"))
        self.assertFalse(self.comes_in(again, token, space), self.place.tails())
        after = caller(again)
        self.addCleanup(after.peer.close)
        kept = dict(after.inputs())
        self.assertEqual([one for one in acknowledged if kept.get(one[0]) != one[1]], [], "lost")
        # At most what each writer had under way was written without being acknowledged.
        self.assertLessEqual(len(kept) - len(acknowledged), WRITERS)
        # Whoever asks again gets what there is, or makes it now: one of each.
        by_name = {name: id for id, name in acknowledged}
        repeated = sorted(asked - set(by_name)) + sorted(by_name)[:200]
        for name in repeated:
            status, made = after.ask("POST", "/live_inputs", {"name": name}, once=name)
            self.assertIn(status, (200, 201))
            self.assertEqual(made["id"], by_name.get(name, made["id"]), name)
        self.assertEqual(sorted(name for _, name in after.inputs()), sorted(asked))
        self.assertEqual(again.stop(), 0)


if __name__ == "__main__":
    unittest.main()
