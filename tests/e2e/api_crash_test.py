"""What the API acknowledged is there after `kill -9` in the middle of a thousand writes, and a call
token that was used before is still used."""

import http.client
import json
import os
import threading
import time
import unittest

import lib

WRITES = 1000
WRITERS = 4


class crash(unittest.TestCase):
    def test_nothing_acknowledged_is_lost(self):
        with lib.Workplace() as place:
            server = place.server(more=("--auth", "required"))
            key = (server.data / "admin-key").read_text().strip()
            fields = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}

            def ask(method, path, body=None):
                peer = http.client.HTTPConnection(server.http, timeout=10)
                peer.request(method, "/api/v1" + path, body and json.dumps(body), fields)
                answer = peer.getresponse()
                text = answer.read()
                peer.close()
                self.assertIn(answer.status, (200, 201), text)
                return json.loads(text)

            def enter(name, where):
                stop, hold = os.pipe()
                self.addCleanup(os.close, hold)
                one = place.client(name, "send", f"{where.url}/moq?tok={token['token']}", "-n",
                                   token["namespace"] + "/ann", "--track", "t", stdin=stop)
                os.close(stop)
                return one

            call = ask("POST", "/calls", {"name": "room"})["id"]
            token = ask("POST", f"/calls/{call}/tokens",
                        {"user": "ann", "transport": ["moq"], "ttl": 120})
            enter("first", server)
            while not ask("GET", f"/calls/{call}")["members"]:
                time.sleep(0.05)
            acknowledged, lock, cut = [], threading.Lock(), threading.Event()

            def write(number):
                peer = http.client.HTTPConnection(server.http, timeout=10)
                self.addCleanup(peer.close)
                for i in range(WRITES // WRITERS):
                    try:
                        body = json.dumps({"name": f"{number}.{i}"})
                        peer.request("POST", "/api/v1/live_inputs", body,
                                     fields)
                        answer = peer.getresponse()
                        made = json.loads(answer.read())
                    except (OSError, http.client.HTTPException, ValueError):
                        return
                    if answer.status == 429:
                        time.sleep(1)
                        continue
                    if answer.status != 201:
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

            again = place.server(name="again", data=server.data, more=("--auth", "required"))
            second = enter("second", again)
            self.assertEqual(second.wait(10), 4, "the used call token is still refused")
            self.assertIn("auth_failed", second.err())
            peer = http.client.HTTPConnection(again.http, timeout=10)
            kept, after = {}, ""
            while after is not None:
                peer.request("GET", f"/api/v1/live_inputs?limit=1000&after={after or 0}",
                             headers=fields)
                page = json.loads(peer.getresponse().read())
                kept.update({one["id"]: one["name"] for one in page["live_inputs"]})
                after = page["next"]
            peer.close()
            lost = [one for one in acknowledged if kept.get(one[0]) != one[1]]
            self.assertEqual(lost, [])
            # At most what each writer had under way was written without being acknowledged.
            self.assertLessEqual(len(kept) - len(acknowledged), WRITERS)
            self.assertEqual(again.stop(), 0)


if __name__ == "__main__":
    unittest.main()
