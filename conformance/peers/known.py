"""What is known not to work with a peer, and why: whose fault it is stands in the reason, with the
section of the draft or the peer's own words.

Each entry: a function of the row (peer, draft, transport, cell, text) and the reason. An entry is
removed when its cell turns green; until then the cell counts as known.
"""

import re


def row(peer, cells, pattern, reason, drafts=None, transports=None):
    def fits(r):
        return (r["peer"] == peer and r["cell"] in cells.split() and (not drafts or r["draft"] in drafts)
                and (not transports or r["transport"] in transports) and re.search(pattern, r["text"]))

    return fits, reason


KNOWN = [
    row("moq-rs", "pub sub both relay cases", r"ended a session with PROTOCOL_VIOLATION \(track_namespace_prefix\)",
        "its SUBSCRIBE_NAMESPACE has a prefix of no field; drafts 14 and 15, section \"SUBSCRIBE_NAMESPACE\": an endpoint "
        "that receives a prefix of 0 fields \"MUST close the session\" with PROTOCOL_VIOLATION (allowed since draft 16)",
        drafts=(14, 15)),
    row("moq-rs", "cases", r"^12 of 15; not: fetch-past [^;]*several groups not supported\)\), publish-flow "
        r"\(REQUEST_ERROR NOT_SUPPORTED[^;]*not supported\)\), datagram-objects \(timeout\)$",
        "its relay answers a FETCH across groups with NOT_SUPPORTED (\"FETCH spanning several groups not "
        "supported\"), SUBSCRIBE_TRACKS and PUBLISH with NOT_SUPPORTED, and forwards no object datagrams"),
    row("moq-rs-ietf", "cases", r"^13 of 15; not: publish-namespace-done \(it ended\), namespace-discovery \(it ended\)$",
        "over raw QUIC its relay takes reset codes for those of WebTransport and ends the session when a request is "
        "cancelled with CANCELLED (\"webtransport error: read error: invalid RESET_STREAM: 1\"); draft 18, section "
        "\"Stream Reset Error Codes\": CANCELLED is 0x1", transports=("quic",)),
    row("moq-rs-ietf", "client", r"^17 of 18; not: publish-track-subscribe[^,]*$",
        "its case `publish-track-subscribe` publishes other bytes as object 0:0 of the track of the case before; draft "
        "18, section \"Malformed Tracks\": \"The same Object is received more than once with different Payload\", and a "
        "relay \"MUST immediately terminate downstream subscriptions\""),
]


def reason(found):
    for fits, why in KNOWN:
        if fits(found):
            return why
    return None
