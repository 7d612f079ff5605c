"""Looks for secrets in what a test run wrote: logs, what programs printed, traces, databases.

Keys and tokens are told by their form wherever they stand. What was handed out is collected besides
(`collect`), from answers over HTTP, command lines and the files that are there to keep secrets, and
looked for in other spellings: escaped, base64, hexadecimal."""

import base64
import functools
import http.client
import json
import re
import shutil
import sqlite3
import tempfile
from pathlib import Path
from urllib.parse import quote

# Stream keys, API keys and device keys; tokens with their signature.
KNOWN = re.compile(rb"(?<![a-z2-7])[smd]k_[a-z2-7]{32}(?![a-z2-7])"
                   rb"|eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}")
# Secrets that have no form of their own, as answers name them.
NAMED = re.compile(rb'"(?:secret|seat)": ?"([0-9a-f]{64})"')
# What is there to keep secrets: files of a data directory.
KEEPERS = ("admin-key", "pepper", "quic-secrets", "keys/*.jwk", "*.pem")
# Options whose value is such a file.
KEEPING_OPTIONS = {"--token-file", "--token-key", "--cert", "--key", "--keys"}
# How many of the collected ones are looked for in other spellings; all are told by their form.
SPELLED = 200

handed_out = {}  # in their order


def collect(data):
    """Takes in the secrets that stand in `data`; returns how many there are in it."""
    found = [one.group() for one in KNOWN.finditer(data)]
    found += [one.group(1) for one in NAMED.finditer(data)]
    handed_out.update(dict.fromkeys(found))
    return len(found)


def observe(method):
    """Answers over HTTP tell keys and tokens, once."""

    @functools.wraps(method)
    def observed(self, *arguments, **named):
        data = method(self, *arguments, **named)
        collect(data)
        return data

    return observed


http.client.HTTPResponse.read = observe(http.client.HTTPResponse.read)


def keepers(directory):
    """The files below `directory` that are there to keep secrets."""
    out = set()
    for key in Path(directory).rglob("control.db"):
        for pattern in KEEPERS:
            out.update(key.parent.glob(pattern))
    return out


def collect_files(files):
    """What stands in files that keep secrets."""
    for path in files:
        data = path.read_bytes() if path.is_file() else b""
        if path.suffix == ".jwk":
            fields = json.loads(data)
            found = [fields[name].encode() for name in ("d", "p", "q", "k") if name in fields]
        elif b"PRIVATE KEY" in data:
            # Any line of it would do; the second holds part of the number itself.
            lines = data.split(b"PRIVATE KEY-----")[1].splitlines()
            found = [line for line in lines[2:3] if len(line) > 20]
        elif path.name == "quic-secrets":
            found = [data[:16].hex().encode()]
        else:
            found = [data.strip()] if 20 < len(data) < 4096 else []
        handed_out.update(dict.fromkeys(found))


def collect_arguments(arguments):
    """What a program was given, and the files it was told to keep secrets in."""
    arguments = [str(one) for one in arguments]
    collect("\0".join(arguments).encode())
    return {Path(value) for option, value in zip(arguments, arguments[1:])
            if option in KEEPING_OPTIONS}


def spellings(secret):
    """`secret` as it may stand in a text: plain, escaped, base64 at each offset, hexadecimal."""
    out = {secret, quote(secret, safe="").encode(), secret.hex().encode(),
           secret.hex().upper().encode()}
    for form in ("%%%02X", "%%%02x", "\\x%02x", "\\u%04x"):
        out.add("".join(form % byte for byte in secret).encode())
    for before in range(3):
        whole = (before + len(secret)) // 3 * 4
        text = base64.b64encode(bytes(before) + secret)[(0, 2, 3)[before]:whole]
        out.update({text, text.replace(b"+", b"-").replace(b"/", b"_")})
    return {one for one in out if len(one) >= 16}


def contents(path):
    """A file as bytes, of a database also what `.dump` shows; and whether forms may be trusted in it:
    values of a row stand side by side in a database's file, the beginning of a key before its hash."""
    base_file = ".db" in path.name
    yield path.read_bytes(), not base_file
    if path.name.endswith(".db"):
        with tempfile.TemporaryDirectory() as place:
            for part in path.parent.glob(path.name + "*"):
                shutil.copy(part, place)
            base = sqlite3.connect(Path(place) / path.name)
            try:
                yield "\n".join(base.iterdump()).encode(), True
            except sqlite3.DatabaseError:
                pass  # damaged on purpose: its bytes were told
            finally:
                base.close()


def look(directory, keeping=()):
    """Complaints about files below `directory` in which a secret stands; `keeping` may. Also which
    files were looked at."""
    directory = Path(directory)
    kept = {one.resolve() for one in (*keepers(directory), *keeping)}
    collect_files(kept)
    plain = list(handed_out)
    spelled = {text: one for one in plain[:SPELLED // 2] + plain[-SPELLED // 2:]
               for text in spellings(one)}
    complaints, looked = [], []
    for path in sorted(directory.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.resolve() in kept:
            continue
        looked.append(path)
        for data, forms in contents(path):
            # Enough of it to know it by, and not more.
            hit = KNOWN.search(data) if forms else None
            told = hit.group() if hit else next(
                (one for text, one in spelled.items() if text in data), None)
            if told:
                complaints.append(f"{path.relative_to(directory)}: the secret {told[:8].decode(errors='replace')}… "
                                  f"({len(told)} bytes)")
                break
    return complaints, looked
