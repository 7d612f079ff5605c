"""The control API over HTTP and HTTPS: keys and scopes, secrets that are told once, description,
webhooks, events, kill switch, sessions."""

import hashlib
import hmac
import http.client
import http.server
import json
import os
import re
import signal
import socket
import ssl
import stat
import subprocess
import threading
import time
import unittest
from pathlib import Path

import lib

ROOT = Path(__file__).resolve().parents[2]


def ask(address, method, path, body=None, key=None, tls=None, headers=None):
    """Status, headers and body, as JSON where it is some."""
    kind = http.client.HTTPSConnection if tls else http.client.HTTPConnection
    peer = kind(address, timeout=10, **({"context": tls} if tls else {}))
    fields = dict(headers or {})
    if key:
        fields["Authorization"] = f"Bearer {key}"
    if body is not None:
        fields["Content-Type"] = "application/json"
        body = json.dumps(body)
    try:
        peer.request(method, path, body, fields)
        answer = peer.getresponse()
        text = answer.read().decode()
    finally:
        peer.close()
    if "json" in (answer.getheader("Content-Type") or "") and text:
        return answer.status, answer.headers, json.loads(text)
    return answer.status, answer.headers, text


class receiver:
    """A server that webhooks are sent to; refuses the first `refusals` of them."""

    def __init__(self, refusals=0):
        self.got = []
        outer = self

        class handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((dict(self.headers), body))
                self.send_response(500 if len(outer.got) <= refusals else 204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?a=1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait(self, count, seconds):
        end = time.monotonic() + seconds
        while len(self.got) < count and time.monotonic() < end:
            time.sleep(0.02)
        return len(self.got) >= count

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class api(unittest.TestCase):
    def setUp(self):
        self.place = lib.Workplace()
        self.addCleanup(self.place.close)

    def start(self, *more):
        server = self.place.server(more=("--api-keys", "always", *more))
        file = server.data / "admin-key"
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        self.key = file.read_text().strip()
        return server

    def make(self, server, path, body, status=201, key=None):
        got, _, answer = ask(server.http, "POST", path, body, key or self.key)
        self.assertEqual(got, status, answer)
        return answer

    def test_keys_and_scopes(self):
        server = self.start()
        for path in ("/api/v1/live_inputs", "/api/v1/streams", "/api/v1/sessions", "/streams"):
            status, headers, problem = ask(server.http, "GET", path)
            self.assertEqual((status, problem["status"]), (401, 401), path)
            self.assertIn("Bearer", headers["WWW-Authenticate"])
        self.assertFalse(ask(server.http, "GET", "/api/v1/info")[2]["api"]["open"])
        reader = self.make(server, "/api/v1/api_keys", {"name": "reader", "scopes": ["read"]})
        self.assertTrue(reader["key"].startswith(reader["prefix"]))
        one = reader["key"]
        self.assertEqual(ask(server.http, "GET", "/api/v1/live_inputs", key=one)[0], 200)
        status, _, problem = ask(server.http, "POST", "/api/v1/live_inputs", {}, one)
        self.assertEqual((status, problem["title"]), (403, "forbidden"))
        maker = self.make(server, "/api/v1/api_keys", {"name": "m", "scopes": ["api_keys:write"]})
        # Nobody hands on more than he has.
        self.assertEqual(ask(server.http, "POST", "/api/v1/api_keys",
                             {"name": "x", "scopes": ["admin"]}, maker["key"])[0], 403)
        # Another organisation's key sees nothing of this one.
        org = self.make(server, "/api/v1/orgs", {"name": "other"})
        theirs = self.make(server, f"/api/v1/api_keys?org={org['id']}",
                           {"name": "t", "scopes": ["inputs:read", "inputs:write"]})
        ours = self.make(server, "/api/v1/live_inputs", {"name": "ours"})
        path = f"/api/v1/live_inputs/{ours['id']}"
        self.assertEqual(ask(server.http, "GET", path, key=theirs["key"])[0], 404)
        self.assertEqual(ask(server.http, "DELETE", path, key=theirs["key"])[0], 404)
        self.assertEqual(ask(server.http, "GET", "/api/v1/live_inputs",
                             key=theirs["key"])[2]["live_inputs"], [])
        self.assertEqual(ask(server.http, "DELETE", f"/api/v1/api_keys/{reader['id']}",
                             key=self.key)[0], 204)
        self.assertEqual(ask(server.http, "GET", "/api/v1/live_inputs", key=one)[0], 401)
        listed = ask(server.http, "GET", "/api/v1/api_keys", key=self.key)[2]
        self.assertIsNotNone(next(k for k in listed["api_keys"] if k["id"] == reader["id"])["revoked"])
        # Guessing ends.
        codes = {ask(server.http, "GET", "/api/v1/keys", key=f"mk_{n}")[0] for n in range(40)}
        self.assertEqual(codes, {401, 429})

    def test_secrets_are_not_stored(self):
        server = self.start()
        hook = receiver()
        self.addCleanup(hook.close)
        made = self.make(server, "/api/v1/live_inputs", {"name": "a", "kind": "srt"})
        device = self.make(server, "/api/v1/devices", {"name": "d"})
        self.make(server, "/api/v1/pairs", {"device": device["id"], "viewer": "v"})
        secrets = [
            self.key, made["stream_key"], device["key"],
            self.make(server, "/api/v1/webhooks", {"url": hook.url})["secret"],
            self.make(server, f"/api/v1/live_inputs/{made['id']}/rotate", {}, 200)["stream_key"],
            self.make(server, "/api/v1/api_keys", {"name": "k", "scopes": ["read"]})["key"],
            self.make(server, "/api/v1/playback", {"id": made["id"]}, 200)["token"],
            self.make(server, "/api/v1/devices/token",
                      {"device": device["id"], "key": device["key"]}, 200)["token"],
        ]
        for file in server.data.rglob("*.jwk"):
            self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
            secrets.append(json.loads(file.read_text())["d"])
        self.assertGreaterEqual(len(secrets), 9)
        self.assertEqual(stat.S_IMODE((server.data / "control.db").stat().st_mode), 0o600)
        self.assertEqual(server.stop(), 0, server.tail())
        stored = b"".join(f.read_bytes() for f in server.data.glob("control.db*"))
        if lib.have("sqlite3"):
            stored += subprocess.run(["sqlite3", server.data / "control.db", ".dump"],
                                     capture_output=True, check=True).stdout
        told = server.err() + server.out()
        for one in secrets:
            self.assertGreater(len(one), 20)
            self.assertNotIn(one.encode(), stored)
            self.assertNotIn(one, told)

    def test_description(self):
        server = self.start()
        status, _, text = ask(server.http, "GET", "/api/openapi.json")
        self.assertEqual(status, 200)
        written = json.loads((ROOT / "docs" / "openapi.json").read_text())
        text["info"].pop("version"), written["info"].pop("version")
        self.assertEqual(text, written, "docs/openapi.json is not what the server tells")
        try:
            import openapi_spec_validator
        except ImportError:
            pass
        else:
            openapi_spec_validator.validate(json.loads(json.dumps({**text, "info": {
                **text["info"], "version": "1"}})))
        # Every operation is there: nothing that is described is unknown to the server.
        for path, methods in text["paths"].items():
            for method, operation in methods.items():
                if operation["operationId"] in ("listen", "kill"):
                    continue
                where = "/api/v1" + re.sub("{[a-z]+}", "none", path)
                code, _, answer = ask(server.http, method.upper(), where, None, self.key)
                self.assertNotIn(code, (401, 403, 405, 500, 503), f"{method} {path}: {answer}")
                if code == 404:
                    self.assertNotEqual(answer["detail"], "there is no such path", path)
        self.check_shapes(server, text)

    def check_shapes(self, server, text):
        """What is made looks like its description."""
        device = self.make(server, "/api/v1/devices", {"name": "camera", "account": "a"})
        bodies = {
            "live_inputs": {"name": "n"}, "assets": {"name": "n"}, "orgs": {"name": "n"},
            "api_keys": {"name": "n", "scopes": ["read"]}, "keys": {"algorithm": "EdDSA"},
            "streams": {"name": "n"}, "devices": {"name": "n"},
            "pairs": {"device": device["id"], "viewer": "v"},
            "commands": {"device": device["id"], "kind": "k"},
            "webhooks": {"url": "http://127.0.0.1:9/"},
            "revocations": {"kind": "token", "value": "j"},
            "limits": {"name": "sessions", "value": 3},
        }
        schemas = text["components"]["schemas"]
        for name, body in bodies.items():
            made = self.make(server, f"/api/v1/{name}", body)
            shape = schemas[name]
            for field in shape["required"]:
                self.assertIn(field, made, name)
                self.check_type(shape["properties"][field], made[field], f"{name}.{field}")
            again = ask(server.http, "GET", f"/api/v1/{name}/{made['id']}", key=self.key)[2]
            self.assertEqual(set(again), set(shape["properties"]), name)

    def check_type(self, schema, value, where):
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        types = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict,
                 "null": type(None)}
        self.assertIsInstance(value, tuple(types[k] for k in kinds), where)
        if "enum" in schema:
            self.assertIn(value, schema["enum"], where)

    def test_https(self):
        server = self.start()
        https = server.ready["https"]
        anyone = ssl.create_default_context()
        anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
        self.assertEqual(ask(https, "GET", "/healthz", tls=anyone)[0], 200)
        made = ask(https, "POST", "/api/v1/live_inputs", {"name": "over TLS"}, self.key, anyone)
        self.assertEqual(made[0], 201)
        host, port = https.rsplit(":", 1)
        pem = ssl.get_server_certificate((host, int(port)))
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
        self.assertEqual(digest, server.ready["cert_sha256"])
        big = http.client.HTTPSConnection(https, timeout=10, context=anyone)
        big.request("POST", "/api/v1/live_inputs", b"x" * (65 << 10))
        self.assertEqual(big.getresponse().status, 413)
        big.close()

    def test_refusals_arrive_though_nobody_read_the_body(self):
        """Closing with bytes unread would reset the connection, and the answer would be lost."""
        server = self.start()
        anyone = ssl.create_default_context()
        anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
        wanted = {("POST", "/api/v1/live_inputs"): 413, ("POST", "/metrics"): 405,
                  ("GET", "/healthz"): 200, ("PUT", "/"): 405}

        def connect(address):
            host, port = address.rsplit(":", 1)
            peer = socket.create_connection((host, int(port)), timeout=10)
            return anyone.wrap_socket(peer) if address == server.https else peer

        def status(peer):
            text = b""
            while b"\r\n\r\n" not in text:
                piece = peer.recv(4096)
                self.assertTrue(piece, "closed without an answer")
                text += piece
            return int(text.split(b" ")[1])

        for address in (server.http, server.https):
            for (method, path), code in wanted.items():
                head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
                # Everything is sent before anything is read.
                with connect(address) as peer:
                    peer.sendall(head.encode() + b"200000\r\n\r\n")
                    for _ in range(10):
                        peer.sendall(bytes(20_000))
                    time.sleep(0.05)
                    self.assertEqual(status(peer), code, f"{address} {method} {path}")
                # A body that fits into no buffer: the answer comes all the same, and whoever goes
                # on sending is left soon.
                with connect(address) as peer:
                    peer.sendall(head.encode() + b"1000000000\r\n\r\n" + bytes(100_000))
                    self.assertEqual(status(peer), code, f"{address} {method} {path}")
                    began = time.monotonic()
                    with self.assertRaises(OSError):
                        for _ in range(1000):
                            peer.sendall(bytes(1_000_000))
                    self.assertLess(time.monotonic() - began, 5)
        # Whoever says that there is a body and sends none is not waited for either.
        with connect(server.http) as peer:
            peer.sendall(b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
            self.assertEqual(status(peer), 405)
            began = time.monotonic()
            while peer.recv(4096):
                pass
            self.assertLess(time.monotonic() - began, 1, "our half ends with the answer")

    def test_https_takes_a_new_certificate(self):
        other = self.place.server(name="other")
        made = self.place.server(name="made")
        both = self.place.directory / "mine.pem"

        def use(server):
            both.write_bytes((server.data / "certificate.pem").read_bytes())

        use(made)
        server = self.place.server(more=("--cert", both, "--key", both))
        host, port = server.ready["https"].rsplit(":", 1)
        anyone = ssl.create_default_context()
        anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
        before = http.client.HTTPSConnection(server.ready["https"], timeout=10, context=anyone)
        self.addCleanup(before.close)

        def shown():
            pem = ssl.get_server_certificate((host, int(port)))
            return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()

        before.request("GET", "/healthz")
        self.assertEqual(before.getresponse().read(), b"ok\n")
        self.assertEqual(shown(), made.ready["cert_sha256"])
        use(other)
        server.process.send_signal(signal.SIGHUP)
        self.assertTrue(server.wait_for("certificate_changed", 5), server.tail())
        self.assertEqual(shown(), other.ready["cert_sha256"])
        before.request("GET", "/healthz")  # whoever is connected stays so
        self.assertEqual(before.getresponse().read(), b"ok\n")

    def test_devices_have_their_own_streams_beyond_a_crash(self):
        server = self.start()
        devices = [self.make(server, "/api/v1/devices", {"name": n}) for n in ("one", "two")]

        def token_of(device, at=server, ttl=300):
            return ask(at.http, "POST", "/api/v1/devices/token", {
                "device": device["id"], "key": device["key"], "ttl": ttl})[2]["token"]

        one, two = (token_of(device) for device in devices)
        self.assertEqual(ask(server.http, "POST", "/streams", {})[0], 401)
        self.assertEqual(ask(server.http, "POST", "/streams", {}, one[:-4] + "AAAA")[0], 401)
        mine = self.make(server, "/streams", {"namespace": "live/door"}, key=one)
        self.assertEqual(mine["device"], devices[0]["id"])
        path = f"/streams/{mine['id']}"
        for method, more in (("GET", ""), ("POST", "/end"), ("GET", "/health"), ("DELETE", "")):
            self.assertEqual(ask(server.http, method, path + more, key=two)[0], 403, method + more)
        self.assertEqual(ask(server.http, "POST", "/streams", {"device": devices[0]["id"]}, two)[0], 403)
        # It hears of its own stream, and of no other.
        heard = {}
        for name, key in (("one", one), ("two", two)):
            peer = http.client.HTTPConnection(server.http, timeout=5)
            self.addCleanup(peer.close)
            peer.request("GET", "/api/v1/events", headers={"Authorization": f"Bearer {key}"})
            heard[name] = peer.getresponse()
            self.assertEqual(heard[name].readline(), b": listening\n")
        stop, start = os.pipe()
        sender = self.place.client("sender", "send", server.url, "-n", "live/door", "--track", "t",
                                   stdin=stop)
        os.write(start, b"one\n")
        told = [heard["one"].readline().decode() for _ in range(4)]
        self.assertIn("event: stream:started\n", told)
        self.make(server, "/api/v1/commands", {"device": devices[1]["id"], "kind": "wake"})
        self.assertIn("event: command:queued\n",
                      [heard["two"].readline().decode() for _ in range(4)])
        self.assertTrue(ask(server.http, "GET", path + "/health", key=one)[2]["publishing"])

        server.kill()
        os.close(start), os.close(stop)
        sender.stop()
        again = self.place.server(name="again", data=server.data, more=("--api-keys", "always"))
        found = ask(again.http, "GET", "/streams", key=one)[2]["streams"]
        self.assertEqual([(s["id"], s["state"]) for s in found], [(mine["id"], "live")])
        self.assertEqual(ask(again.http, "GET", "/streams", key=two)[2]["streams"], [])
        self.assertEqual(ask(again.http, "POST", path + "/end", key=two)[0], 403)
        self.assertEqual(ask(again.http, "POST", path + "/end", key=one)[2]["state"], "ended")
        # Out of use: at once, whatever tokens it still has.
        self.assertEqual(ask(again.http, "PATCH", f"/api/v1/devices/{devices[0]['id']}",
                             {"enabled": False}, self.key)[0], 200)
        self.assertEqual(ask(again.http, "GET", "/streams", key=one)[0], 401)
        self.assertEqual(ask(again.http, "GET", "/streams", key=two)[0], 200)

    def test_webhooks_survive_a_crash(self):
        server = self.start()
        hook = receiver(refusals=1)
        self.addCleanup(hook.close)
        self.make(server, "/api/v1/webhooks", {"url": hook.url, "events": ["stream:started"]})
        stop, start = os.pipe()
        sender = self.place.client("sender", "send", server.url, "-n", "live/a", "--track", "t",
                                   stdin=stop)
        os.write(start, b"one\n")
        self.assertTrue(hook.wait(1, 10), self.place.tails())
        server.kill()
        os.close(start), os.close(stop)
        sender.stop()
        again = self.place.server(name="again", data=server.data, more=("--api-keys", "always"))
        self.assertTrue(hook.wait(2, 15), again.tail())
        first, second = (json.loads(body) for _, body in hook.got)
        self.assertEqual(first, second)
        self.assertEqual(len({headers["moqrtc-delivery"] for headers, _ in hook.got}), 1)

    def test_events_and_webhooks(self):
        server = self.start()
        hook = receiver(refusals=1)
        self.addCleanup(hook.close)
        made = self.make(server, "/api/v1/webhooks", {"url": hook.url})
        listener = http.client.HTTPConnection(server.http, timeout=30)
        listener.request("GET", "/api/v1/events", headers={"Authorization": f"Bearer {self.key}"})
        stream = listener.getresponse()
        self.assertEqual(stream.getheader("Content-Type"), "text/event-stream")
        stop, start = os.pipe()
        sender = self.place.client("sender", "send", server.url, "-n", "live/a", "--track", "t",
                                   stdin=stop)
        os.write(start, b"one\n")

        def next_event():
            found = {}
            while line := stream.readline().decode():
                name, _, value = line.rstrip("\n").partition(": ")
                if name in ("event", "data"):
                    found[name] = value
                if line == "\n" and "data" in found:
                    return found["event"], json.loads(found["data"])
            return None, None

        event, data = next_event()
        self.assertEqual((event, data["namespace"]), ("stream:started", "live/a"))
        watcher = self.place.client("watcher", "recv", server.url, "-n", "live/a", "--track", "t")
        time.sleep(0.5)
        os.write(start, b"two\n" * 10)
        os.close(start), os.close(stop)
        self.assertEqual(next_event()[0], "stream:ended")
        listener.close()
        # The first attempt was refused: it is made again, with the same number.
        self.assertTrue(hook.wait(3, 20), self.place.tails())
        for headers, body in hook.got:
            time_, mac = re.fullmatch("t=([0-9]+),v1=([0-9a-f]{64})",
                                      headers["moqrtc-signature"]).groups()
            wanted = hmac.new(made["secret"].encode(), f"{time_}.".encode() + body, hashlib.sha256)
            self.assertEqual(mac, wanted.hexdigest())
        self.assertEqual(len({h["moqrtc-delivery"] for h, _ in hook.got}), 2)
        row = ask(server.http, "GET", "/api/v1/analytics?broadcast=live/a", key=self.key)[2]
        row = row["analytics"][0]
        self.assertEqual(row["tag"], "media.broadcast")
        self.assertIsNotNone(row["ended"])
        self.assertGreater(row["bytes_in"], 0)
        watcher.stop(), sender.stop()

    def test_sessions_are_ended(self):
        server = self.start()
        waiting = self.place.client("waiting", "subscribe", server.url, "-n", "no/body", "--wait",
                                    "60", "-o", self.place.directory / "nothing.mp4")
        end = time.monotonic() + 10
        found = []
        while not found and time.monotonic() < end:
            time.sleep(0.1)
            found = ask(server.http, "GET", "/api/v1/sessions", key=self.key)[2]["sessions"]
        self.assertEqual(len(found), 1)
        path = f"/api/v1/sessions/{found[0]['id']}"
        self.assertEqual(ask(server.http, "DELETE", path, key=self.key)[0], 204)
        self.assertIsNotNone(waiting.wait(5), waiting.tail())
        self.assertEqual(ask(server.http, "DELETE", path, key=self.key)[0], 404)

    def test_kill_switch_has_three_hands(self):
        server = self.start()
        file = server.data / "kill" / "moq"

        def state():
            return ask(server.http, "GET", "/api/v1/info")[2]["kill"]["moq"]

        def becomes(wanted):
            end = time.monotonic() + 3
            while state() != wanted and time.monotonic() < end:
                time.sleep(0.05)
            return state() == wanted

        self.assertFalse(state())
        self.assertEqual(ask(server.http, "POST", "/api/v1/kill/moq", key=self.key)[0], 200)
        self.assertTrue(state() and file.exists())
        self.assertEqual(ask(server.http, "DELETE", "/api/v1/kill/moq", key=self.key)[0], 200)
        self.assertFalse(state() or file.exists())
        file.touch()
        self.assertTrue(becomes(True))
        file.unlink()
        self.assertTrue(becomes(False))
        os.kill(server.pid, signal.SIGUSR1)
        self.assertTrue(becomes(True))
        self.assertTrue(file.exists())
        self.assertEqual(server.stop(), 0)
        again = self.place.server(name="again", data=server.data, more=("--api-keys", "always"))
        self.assertTrue(ask(again.http, "GET", "/api/v1/info")[2]["kill"]["moq"])

    def test_open_on_loopback_and_says_so(self):
        server = self.place.server()
        self.assertTrue(ask(server.http, "GET", "/api/v1/info")[2]["api"]["open"])
        self.assertEqual(ask(server.http, "POST", "/api/v1/live_inputs", {})[0], 201)
        # A page elsewhere does not get in.
        for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
            self.assertEqual(ask(server.http, "POST", "/api/v1/live_inputs", {},
                                 headers=headers)[0], 403)


if __name__ == "__main__":
    unittest.main()
