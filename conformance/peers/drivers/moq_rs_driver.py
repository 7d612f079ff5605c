"""Publishes, subscribes and relays with moq-rs (PyPI), moq-dev's Rust behind Python bindings."""

import argparse
import asyncio

import material
import moq


async def publish(given):
    async with moq.Client(given.url, tls_verify=False, websocket_enabled=False,
                          reconnect=False) as client:
        material.say("connected")
        broadcast = client.create_broadcast(given.namespace)
        track = broadcast.publish_track(given.track)
        broadcast.announce()
        material.say("published")
        await asyncio.wait_for(track.used(), given.seconds)
        material.say("somebody listens")
        for group in range(given.groups):
            writer = track.append_group()
            for index in range(given.objects):
                writer.write_frame(material.text(given.run, group, index), group * 1000000 + index)
                await asyncio.sleep(given.pause / given.objects)
            writer.finish()
        track.finish()
        material.say("produced everything")
        await asyncio.sleep(2)


async def subscribe(given):
    async with moq.Client(given.url, tls_verify=False, websocket_enabled=False,
                          reconnect=False) as client:
        material.say("connected")
        found = client.announced_broadcast(given.namespace)
        broadcast = await asyncio.wait_for(found.available(), given.seconds)
        track = await broadcast.subscribe_track(given.track)
        material.say("subscribed")

        async def read():
            async for group in track:
                index = 0
                async for frame in group:
                    material.show(group.sequence, index, bytes(frame.payload))
                    index += 1
            material.say("the track ended")

        try:
            await asyncio.wait_for(read(), given.seconds)
        except asyncio.TimeoutError:
            pass


async def relay(given):
    async with moq.Server(given.url, tls_generate=["localhost"]) as server:
        material.say("listening on " + server.local_addr)
        await asyncio.wait_for(server.serve(), given.seconds)


parser = argparse.ArgumentParser()
parser.add_argument("role", choices=("publish", "subscribe", "relay"))
parser.add_argument("url")
parser.add_argument("--draft", type=int, help="not chosen here: the other side offers one alone")
parser.add_argument("--namespace")
parser.add_argument("--track")
parser.add_argument("--run", default="run")
parser.add_argument("--groups", type=int, default=6)
parser.add_argument("--objects", type=int, default=4)
parser.add_argument("--pause", type=float, default=0.4)
parser.add_argument("--seconds", type=float, default=15)
arguments = parser.parse_args()
asyncio.run({"publish": publish, "subscribe": subscribe, "relay": relay}[arguments.role](arguments))
