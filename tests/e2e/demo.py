#!/usr/bin/env python3
"""The main job: a live clip goes through the relay to subscribers of both generations.

--headless: 20 s of media, then every received packet is compared with the source; exit 0 or 1.
Otherwise it runs until Ctrl-C with a live line of figures.
"""

import argparse
import sys
import time

import lib

SPACE = "live/demo"


def say(text):
    print(text, flush=True)


def headless(seconds):
    clip = lib.live_clip(seconds, say=say)
    with lib.Workplace() as place:
        server = place.server()
        say(f"relay at {server.url}")
        sent = place.directory / "sent"
        publisher = place.client("publisher", "publish", server.url, "-n", SPACE, clip, "--trace", sent)
        subscribers = {}

        def subscribe(name, draft):
            subscribers[name] = place.client(
                name, "subscribe", server.url, "-n", SPACE, "--draft", draft, "--json",
                "-o", place.directory / f"{name}.mp4", "--trace", place.directory / f"{name}.trace",
            )

        subscribe("from the start, draft 16", "16")
        subscribe("from the start, draft 18", "18")
        say(f"publishing {clip.name} at its own pace, {seconds} s; two subscribers from the start")
        began = time.monotonic()
        for late, (after, draft) in enumerate([(0.3, "16"), (0.5, "18")]):
            time.sleep(max(0, began + seconds * after - time.monotonic()))
            subscribe(f"late, draft {draft}", draft)
            say(f"{time.monotonic() - began:5.1f} s  a late subscriber joins, draft {draft}")
        complaints = []
        status = publisher.wait(seconds + 20)
        if status != 0:
            complaints.append(f"the publisher ended with {status}")
        for name, process in subscribers.items():
            status = process.wait(20)
            if status != 0:
                complaints.append(f"subscriber '{name}' ended with {status}")
        say(f"{time.monotonic() - began:5.1f} s  all ended; comparing packets")
        for name, process in subscribers.items():
            path = place.directory / f"{name}.mp4"
            found = lib.compare(clip, path)
            if name.startswith("from"):
                found += lib.compare(clip, path, decode=True)
            complaints += found
            figures = lib.summary(process)
            if figures.get("gaps") != 0:
                complaints.append(f"{name}: {figures.get('gaps')} gaps")
            delay = lib.latencies(sent, place.directory / f"{name}.trace")
            counts = lib.packet_counts(path)
            say(
                f"{name:26}  {'identical' if not found else 'DIFFERENT':9}  "
                f"packets {'+'.join(str(n) for n in counts.values()):9}  "
                f"objects {figures.get('objects')}  gaps {figures.get('gaps')}  "
                f"join {figures.get('join_us', 0) / 1000:.1f} ms  "
                f"publisher to subscriber p50 {(lib.percentile(delay, 50) or 0) / 1000:.2f} ms "
                f"p99 {(lib.percentile(delay, 99) or 0) / 1000:.2f} ms"
            )
        if complaints:
            say("\n".join(["FAILED"] + complaints))
            say(place.tails())
            say("Run build/release/bin/moqrtc-client subscribe … -v to see control messages.")
            return 1
        say("every packet of every subscriber equals the source, from its first group to the end")
        return 0


def live():
    clip = lib.live_clip(say=say)
    with lib.Workplace() as place:
        server = place.server(port=4443) if port_is_free(4443) else place.server()
        publisher = place.client("publisher", "publish", server.url, "-n", SPACE, clip, "--loop",
                                 "--reconnect")
        if server.http:
            say(f"watch it in a browser  http://{server.http}/play/{SPACE}")
        say(f"live at {server.url}, namespace {SPACE}; or watch it with")
        say(f"  {lib.BIN}/moqrtc-client subscribe {server.url} -n {SPACE} --insecure -o - | ffplay -")
        if server.http:
            say(f"status page http://{server.http}/status")
        say("Ctrl-C ends it")
        began = time.monotonic()
        try:
            while publisher.running() and server.running():
                time.sleep(1)
                figures = ""
                if server.http:
                    try:
                        figures = "  ".join(
                            f"{label} {server.metric(name):.0f}"
                            for label, name in (("sessions", "moqrtc_sessions"),
                                                ("subscribers", "moqrtc_subscribers"),
                                                ("objects in", "moqrtc_objects_in_total"),
                                                ("objects out", "moqrtc_objects_out_total"))
                            if server.metric(name) is not None
                        )
                    except OSError:
                        pass
                line = f"{time.monotonic() - began:6.0f} s  {figures}"
                print(("\r" + line) if sys.stdout.isatty() else line, end="", flush=True)
                if not sys.stdout.isatty():
                    print(flush=True)
        except KeyboardInterrupt:
            say("")
            return 0
        say("\nended by itself\n" + place.tails())
        return 1


def port_is_free(port):
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--headless", action="store_true", help="bounded, verified; exit 0 or 1")
    parser.add_argument("--seconds", type=int, default=20, help="length of the clip (headless)")
    arguments = parser.parse_args()
    if not lib.have("ffmpeg"):
        say("ffmpeg is missing: install it, or run scripts/bootstrap")
        return 1
    return headless(arguments.seconds) if arguments.headless else live()


if __name__ == "__main__":
    sys.exit(main())
