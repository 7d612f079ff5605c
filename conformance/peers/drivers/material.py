"""What every driver publishes, and how it tells what it received.

The text of an object says where it belongs and fills up to a size that grows, so that lengths of
all encodings occur; a subscriber's lines are compared with what the publisher must have sent.
"""

import json
import sys


def text(run, group, index):
    """Object `index` of the `group`-th group, as bytes; it has no line end, so that it is a line."""
    head = f"{run} {group} {index} "
    size = (40, 63, 64, 300, 1200, 5000)[(group + index) % 6]
    filler = "abcdefghijklmnopqrstuvwxyz0123456789"
    body = "".join(filler[(i * 7 + group * 3 + index) % len(filler)] for i in range(size))
    return (head + body).encode()


def show(group, index, payload):
    """One received object as a line of JSON."""
    line = {"group": group, "object": index, "text": payload.decode("utf-8", "replace")}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def say(what):
    sys.stderr.write(what + "\n")
    sys.stderr.flush()
