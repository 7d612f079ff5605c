"""Tokens of other people's JOSE libraries verify here, and ours there: npm jose and python3-jwt."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

BIN = Path(os.environ["MOQRTC_BIN"])
CLIENT = BIN / "moqrtc-client"
HERE = Path(__file__).resolve().parent
ALGORITHMS = ["EdDSA", "ES256", "RS256", "HS256", "HS384", "HS512"]
NODE_MODULES = HERE.parent / "browser" / "node_modules"


def python_with_jwt():
    """An interpreter that has python3-jwt: Debian's is for the system's own."""
    for python in (sys.executable, "/usr/bin/python3"):
        if Path(python).exists() and subprocess.run(
                [python, "-c", "import jwt, cryptography"], capture_output=True, check=False).returncode == 0:
            return python
    return None


PYTHON = python_with_jwt()

# Signs or verifies with python3-jwt; asked as JOSE below.
PYJWT = """
import json, sys
import jwt
from jwt.algorithms import get_default_algorithms

ask = json.load(sys.stdin)
if ask["alg"] == "none":
    print(json.dumps({"token": jwt.encode(ask["claims"], None, "none")}))
    sys.exit()
key = get_default_algorithms()[ask["alg"]].from_jwk(json.dumps(ask["key"]))
if "claims" in ask:
    token = jwt.encode(ask["claims"], key, ask["alg"], headers={"kid": ask["key"]["kid"]})
    print(json.dumps({"token": token}))
else:
    print(json.dumps({"payload": jwt.decode(ask["token"], key, algorithms=[ask["alg"]])}))
"""

# Signs or verifies with npm jose; what to do comes as JSON on standard input.
JOSE = """
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { readFileSync } from 'node:fs';
const require = createRequire(process.argv[1] + '/');
const jose = await import(pathToFileURL(require.resolve('jose')).href);
const ask = JSON.parse(readFileSync(0, 'utf8'));
const key = await jose.importJWK(ask.key, ask.alg);
if (ask.claims) {
  const token = await new jose.SignJWT(ask.claims)
    .setProtectedHeader({ alg: ask.alg, kid: ask.key.kid, typ: 'JWT' }).sign(key);
  console.log(JSON.stringify({ token }));
} else {
  const { payload } = await jose.jwtVerify(ask.token, key, { algorithms: [ask.alg] });
  console.log(JSON.stringify({ payload }));
}
"""


def run(*arguments, given=None, status=0):
    done = subprocess.run(
        [str(CLIENT), "token", *map(str, arguments)], input=given, capture_output=True, text=True,
        timeout=30, check=False)
    if status is not None and done.returncode != status:
        raise AssertionError(f"{arguments[0]}: status {done.returncode}\n{done.stderr}")
    return done


class Tokens(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.keys = {}
        for algorithm in ALGORITHMS:
            path = Path(cls.directory.name) / f"{algorithm}.jwk"
            path.write_text(run("key", "--alg", algorithm).stdout, encoding="utf-8")
            cls.keys[algorithm] = path

    def jwk(self, algorithm, public=False):
        key = json.loads(self.keys[algorithm].read_text(encoding="utf-8"))
        if public and key["kty"] != "oct":
            served = json.loads(run("public", "--keys", self.keys[algorithm]).stdout)["keys"]
            self.assertEqual(len(served), 1)
            self.assertFalse({"d", "p", "q", "dp", "dq", "qi", "k"} & set(served[0]))
            return served[0]
        return key

    def claims(self, **more):
        now = int(time.time())
        return {"org": "acme", "id": "show", "sub": "viewer", "iat": now, "exp": now + 600,
                "cap": ["media.broadcast"], **more}

    def mint(self, algorithm):
        return run("mint", "--key", self.keys[algorithm], "--org", "acme", "--id", "show",
                   "--sub", "viewer", "--ttl", "600").stdout.strip()

    def accepted(self, algorithm, token):
        said = json.loads(run("verify", "--keys", self.keys[algorithm], "--json", token).stdout)
        self.assertEqual(said["event"], "granted")
        self.assertEqual((said["organisation"], said["resource"], said["subject"]),
                         ("acme", "show", "viewer"))
        self.assertEqual(said["scopes"][0]["namespace"], ["stream", "acme", "show"])

    def refused(self, algorithm, token, reason, *more):
        done = run("verify", "--keys", self.keys[algorithm], "--json", *more, token, status=4)
        self.assertEqual(json.loads(done.stdout)["reason"], reason)
        self.assertNotIn(token, done.stdout + done.stderr)

    def test_own_tokens(self):
        for algorithm in ALGORITHMS:
            with self.subTest(algorithm):
                token = self.mint(algorithm)
                self.accepted(algorithm, token)
                self.refused(algorithm, token[:-4] + "AAAA", "bad_signature")
                self.refused(algorithm, token, "expired", "--now", str(int(time.time()) + 601))
                other = ALGORITHMS[ALGORITHMS.index(algorithm) - 1]
                self.refused(other, token, "unknown_key")
                said = json.loads(run("inspect", token).stdout)
                self.assertEqual(said["claims"]["id"], "show")
                self.assertIs(said["verified"], False)
                self.assertNotIn(token.rsplit(".", 1)[1], json.dumps(said))

    def test_other_profiles(self):
        key = self.keys["EdDSA"]
        call = run("mint", "--key", key, "--profile", "call", "--call", "c", "--user", "u", "--role",
                   "publisher", "--transport", "moq").stdout.strip()
        run("verify", "--keys", key, "--transport", "moq", call)
        self.refused("EdDSA", call, "wrong_transport", "--transport", "webrtc")
        made = json.loads(run("mint", "--key", key, "--profile", "call", "--call", "c", "--user",
                              "u", "--transport", "moq", "--ttl", "9999", "--json").stdout)
        self.assertEqual(made["ttl"], 120)
        run("mint", "--key", key, "--profile", "call", "--call", "c", "--user", "u", status=1)
        url = run("mint", "--key", key, "--org", "acme", "--id", "show", "--url", "https://h:1").stdout
        self.assertTrue(url.startswith("https://h:1/playback/show?tok=eyJ"), url)
        for form in "text", "hex":
            cat = run("mint", "--key", key, "--profile", "c4m", "--action", "subscribe,fetch", "-n",
                      "stream/acme", "--form", form).stdout.strip()
            said = json.loads(run("verify", "--keys", key, "--json", cat).stdout)
            self.assertEqual(said["profile"], "c4m")
            self.assertEqual(said["scopes"][0]["actions"], ["SUBSCRIBE", "FETCH"])
            self.assertEqual(json.loads(run("inspect", cat).stdout)["form"], "cat")

    def test_decode(self):
        token = self.mint("EdDSA")
        done = subprocess.run([str(CLIENT), "decode", token], capture_output=True, text=True,
                              timeout=30, check=True)
        for field in ("header", '"EdDSA"', "payload", '"show"', "signature"):
            self.assertIn(field, done.stdout)

    def exchange(self, ask):
        """Every algorithm both ways with a library that `ask` asks."""
        for algorithm in ALGORITHMS:
            with self.subTest(algorithm):
                theirs = ask({"alg": algorithm, "key": self.jwk(algorithm),
                              "claims": self.claims()})["token"]
                self.accepted(algorithm, theirs)
                self.refused(algorithm, theirs[:-4] + "AAAA", "bad_signature")
                ours = ask({"alg": algorithm, "key": self.jwk(algorithm, public=True),
                            "token": self.mint(algorithm)})
                self.assertEqual(ours["payload"]["id"], "show")

    def ask(self, command, question):
        done = subprocess.run(command, input=json.dumps(question), capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    @unittest.skipUnless(PYTHON, "python3-jwt is missing")
    def test_python_jwt(self):
        def library(question):
            return self.ask([PYTHON, "-c", PYJWT], question)

        self.exchange(library)
        unsigned = library({"alg": "none", "claims": self.claims()})["token"]
        self.refused("EdDSA", unsigned, "wrong_algorithm")

    @unittest.skipUnless(shutil.which("node") and (NODE_MODULES / "jose").is_dir(),
                         "npm jose is missing (scripts/test --browser installs it)")
    def test_npm_jose(self):
        self.exchange(lambda question: self.ask(
            ["node", "--input-type=module", "-e", JOSE, str(NODE_MODULES.parent)], question))


if __name__ == "__main__":
    unittest.main()
