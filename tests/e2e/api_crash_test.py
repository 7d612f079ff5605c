"""What the API acknowledged is there after `kill -9` in the middle of a thousand writes."""

import http.client
import json
import threading
import time
import unittest

import lib

WRITES = 1000
WRITERS = 4


class crash(unittest.TestCase):
    def test_nothing_acknowledged_is_lost(self):
        with lib.Workplace() as place:
            server = place.server()
            acknowledged, lock, cut = [], threading.Lock(), threading.Event()

            def write(number):
                peer = http.client.HTTPConnection(server.http, timeout=10)
                self.addCleanup(peer.close)
                for i in range(WRITES // WRITERS):
                    try:
                        body = json.dumps({"name": f"{number}.{i}"})
                        peer.request("POST", "/api/v1/live_inputs", body,
                                     {"Content-Type": "application/json"})
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

            again = place.server(name="again", data=server.data)
            peer = http.client.HTTPConnection(again.http, timeout=10)
            kept, after = {}, ""
            while after is not None:
                peer.request("GET", f"/api/v1/live_inputs?limit=1000&after={after or 0}")
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
