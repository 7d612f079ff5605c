"""Several network threads are one relay: tracks cross them, whoever publishes and watches where."""

import time
import unittest

import lib


@unittest.skipUnless(lib.have("ffmpeg"), "ffmpeg is missing")
class threads(unittest.TestCase):
    def test_everybody_gets_everything(self):
        clip = lib.live_clip(6, "320x240")
        with lib.Workplace() as place:
            relay = place.server(more=("--threads", "4"))
            subscribers = {}

            def subscribe(number, namespace):
                name = f"{namespace.replace('/', '-')}-{number}"
                subscribers[name] = place.client(
                    name, "subscribe", relay.url, "-n", namespace, "--draft",
                    ("16", "18")[number % 2], "--json", "--wait", "15", "-o",
                    place.directory / f"{name}.mp4")

            publishers = []
            for number, namespace in enumerate(("live/a", "live/b")):
                for i in range(6):
                    subscribe(i, namespace)
                time.sleep(1)
                publishers.append(place.client(
                    f"publisher{number}", "publish", relay.url, "-n", namespace, "--draft",
                    ("16", "18")[number], clip))
            for publisher in publishers:
                self.assertEqual(publisher.wait(30), 0, place.tails())
            for name, s in subscribers.items():
                self.assertEqual(s.wait(15), 0, s.tail())
                self.assertEqual(lib.compare(clip, place.directory / f"{name}.mp4"), [], s.tail())
            by_thread = [relay.metric("moqrtc_sessions_total", shard=i) for i in range(4)]
            crossed = sum(relay.metric("moqrtc_objects_from_siblings_total", shard=i)
                          for i in range(4))
            came = sum(relay.metric("moqrtc_objects_in_total", shard=i) for i in range(4))
            print(f"sessions by thread {by_thread}; {came:.0f} objects came, {crossed:.0f} crossed "
                  f"to other threads, 12 subscribers identical")
            self.assertEqual(sum(by_thread), 14)
            # 14 connections on one of four threads by chance: less likely than one in 60 million.
            self.assertGreater(sum(1 for n in by_thread if n), 1)
            self.assertGreater(crossed, 0)
            # At most once to each other thread, also where a push crosses a subscription.
            self.assertLessEqual(crossed, 3 * came)

    def test_a_publisher_comes_back_on_any_thread(self):
        clip = lib.live_clip(6, "320x240")
        with lib.Workplace() as place:
            relay = place.server(more=("--threads", "3"))
            subscribers = [place.client(f"s{i}", "subscribe", relay.url, "-n", "live/back",
                                        "--reconnect", "--json", "--wait", "15", "-o",
                                        place.directory / f"s{i}.mp4") for i in range(3)]
            for turn in range(3):
                before = relay.metric("moqrtc_objects_out_total")
                publisher = place.client(f"publisher{turn}", "publish", relay.url, "-n",
                                         "live/back", "--loop", clip)
                time.sleep(3)
                publisher.kill()
                went = relay.metric("moqrtc_objects_out_total") - before
                print(f"turn {turn}: {went:.0f} objects went out to three subscribers")
                # 3 s of 30 pictures and 20 audio objects a second, less what finding it takes.
                self.assertGreater(went, 3 * 50, place.tails())
                for s in subscribers:
                    self.assertTrue(s.running(), s.tail())


if __name__ == "__main__":
    unittest.main()
