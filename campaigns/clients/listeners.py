"""Listeners of the campaign `sessions` on PyPI's `centrifuge-python`: listeners.py ADDRESS ACTORS LISTENERS"""

import asyncio
import json
import sys

from centrifuge import Client, ClientEventHandler, SubscriptionEventHandler

TYPES = ["herald", "crier"]


class Listener(SubscriptionEventHandler):
    def __init__(self, kind, actor):
        self.kind, self.actor, self.topic = kind, actor, f"{TYPES[kind]}:{actor}"
        self.last, self.offset, self.events, self.reloads, self.wrong = 0, -1, 0, 0, []

    async def on_subscribed(self, ctx):
        if ctx.recovered:
            return
        if self.offset >= 0:
            self.reloads += 1
        self.offset = ctx.stream_position.offset
        self.last = ctx.data

    async def on_publication(self, ctx):
        self.events += 1
        n, offset = ctx.pub.data["n"], ctx.pub.offset
        if n != self.last + 1 or offset != self.offset + 1:
            self.wrong.append(f"{self.topic}: {n} at {offset} came after {self.last} at {self.offset}")
        self.last, self.offset = n, offset

    async def on_unsubscribed(self, ctx):
        self.wrong.append(f"{self.topic}: {ctx.code} {ctx.reason}")


class Connection(ClientEventHandler):
    def __init__(self, listener):
        self.listener = listener

    async def on_disconnected(self, ctx):
        self.listener.wrong.append(f"{self.listener.topic}: {ctx.code} {ctx.reason}")


async def main():
    address, actors, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    listeners = []
    for index in range(count):
        listener = Listener(index % 2, index // 2 % actors)
        client = Client(
            f"ws://{address}/connection/websocket",
            events=Connection(listener),
            min_reconnect_delay=0.05,
            max_reconnect_delay=1.0,
        )
        subscription = client.new_subscription(
            listener.topic, events=listener, min_resubscribe_delay=0.05, max_resubscribe_delay=1.0
        )
        await client.connect()
        await subscription.subscribe()
        listeners.append(listener)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        said = json.loads(line)
        behind = [it for it in listeners if said and it.last != said[it.kind * actors + it.actor]]
        answer = {
            "listeners": count,
            "events": sum(it.events for it in listeners),
            "reloads": [sum(it.reloads for it in listeners if it.kind == kind) for kind in (0, 1)],
            "wrong": [wrong for it in listeners for wrong in it.wrong[:3]],
            "behind": len(behind),
        }
        print(json.dumps(answer), flush=True)


asyncio.run(main())
