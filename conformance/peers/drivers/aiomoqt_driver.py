"""Publishes and subscribes with aiomoqt (PyPI), by its public interface alone."""

import argparse
import asyncio

import material
from aiomoqt.client import MOQTClient
from aiomoqt.track import PublishedTrack
from aiomoqt.utils.url import parse_relay_url


class Lines(PublishedTrack):
    """Groups of known texts, as long as anybody listens."""

    def configure(self, run, groups, objects, pause):
        self.plan = (run, groups, objects, pause)
        return self

    async def produce(self, out):
        run, groups, objects, pause = self.plan
        for group in range(groups):
            for index in range(objects):
                await out.write(group, index, material.text(run, group, index), group_start=index == 0)
                await asyncio.sleep(pause / objects)
            out.end_group()
        material.say("produced everything")


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=("publish", "subscribe"))
    parser.add_argument("url")
    parser.add_argument("--draft", type=int, required=True)
    parser.add_argument("--namespace", required=True)
    parser.add_argument("--track", required=True)
    parser.add_argument("--run", default="run")
    parser.add_argument("--groups", type=int, default=6)
    parser.add_argument("--objects", type=int, default=4)
    parser.add_argument("--pause", type=float, default=0.4)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--push", action="store_true", help="PUBLISH instead of PUBLISH_NAMESPACE")
    given = parser.parse_args()
    where = parse_relay_url(given.url)
    client = MOQTClient(where.host, where.port, path=where.path or "", use_quic=where.use_quic,
                        verify_tls=False, supported_drafts=given.draft)
    async with client.connect() as session:
        await session.client_session_init()
        material.say("connected")
        if given.role == "publish":
            track = Lines(session, given.namespace, given.track)
            track.configure(given.run, given.groups, given.objects, given.pause)
            await track.publish(announce_namespace=not given.push, publish_track=given.push)
            material.say("published")
            await asyncio.sleep(given.seconds)
            return
        done = asyncio.Event()

        def on_object(message, size, received, group_id=None, subgroup_id=None):
            if message.payload:
                material.show(group_id, message.object_id, bytes(message.payload))

        await session.subscribe(given.namespace, given.track, wait_response=True,
                                on_object=on_object, on_done=lambda *_: done.set())
        material.say("subscribed")
        try:
            await asyncio.wait_for(done.wait(), given.seconds)
            material.say("the track ended")
        except asyncio.TimeoutError:
            pass


asyncio.run(main())
