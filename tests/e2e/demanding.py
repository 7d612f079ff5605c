"""A relay that demands a token of everybody, and tokens that it knows: what the conformance program is
told of both."""

import http.client
import json
import subprocess
import time

from lib import BIN, Server

ACTIONS = "publish,publish-namespace,subscribe,subscribe-namespace,subscribe-tracks,fetch,track-status"


class DemandingServer(Server):
    """`--auth required`; the key that signs is made by the control API, which keeps it in a file."""

    def __init__(self, directory, name="demanding", more=()):
        super().__init__(directory, name, more=("--auth", "required", *more))
        peer = http.client.HTTPConnection(self.http, timeout=10)
        peer.request("POST", "/api/v1/keys", "{}", {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {(self.data / 'admin-key').read_text().strip()}"})
        answer = peer.getresponse()
        said = json.loads(answer.read())
        peer.close()
        if answer.status != 201:
            raise RuntimeError(f"no signing key: {said}")
        self.key_file = self.data / "keys" / f"{said['id']}.jwk"
        self.space = f"stream/{said['org']}"

    def mint(self, *more):
        """A CAT for everything below the organisation's namespace."""
        done = subprocess.run(
            [BIN / "moqrtc-client", "token", "mint", "--key", self.key_file, "--profile", "c4m",
             "--action", ACTIONS, "-n", self.space, *more],
            capture_output=True, text=True, timeout=20, check=True)
        return done.stdout.strip()

    def known(self):
        """What the conformance program is to be told."""
        an_hour_ago = str(int(time.time()) - 3600)
        return ("--namespace", self.space, "--good-token", self.mint("--ttl", "600"), "--bad-token", "no token at all",
                "--expired-token", self.mint("--ttl", "60", "--now", an_hour_ago))
