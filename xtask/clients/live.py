"""Follows an actor with PyPI `centrifuge-python` until every event has come, each once and in order."""

import asyncio
import sys

from centrifuge import CentrifugeError, Client, ClientEventHandler, SubscriptionEventHandler

URL, LAST = sys.argv[1].replace("http", "ws", 1), int(sys.argv[2])


class Connections(ClientEventHandler):
    count = 0

    async def on_connected(self, ctx):
        self.count += 1


class Room(SubscriptionEventHandler):
    def __init__(self, connections, done):
        self.connections, self.done, self.seen = connections, done, 0

    async def on_subscribed(self, ctx):
        if self.connections.count > 1 and not ctx.recovered:
            self.done.set_exception(AssertionError("nothing was lost"))
        print("following", flush=True)

    async def on_publication(self, ctx):
        self.seen += 1
        came = (ctx.pub.offset, ctx.pub.data)
        if came != (self.seen, {"n": self.seen, "text": f"word {self.seen}"}):
            self.done.set_exception(AssertionError(f"{came} for {self.seen}"))
        if self.seen == LAST:
            self.done.set_result(None)


async def main():
    connections, done = Connections(), asyncio.get_running_loop().create_future()
    client = Client(f"{URL}/connection/websocket", events=connections, max_reconnect_delay=1.0)
    room = client.new_subscription("room:1", events=Room(connections, done))
    await client.connect()
    await room.subscribe()
    await done
    assert (await client.rpc("room/1/said", None)).data == LAST
    try:
        await client.rpc("room/1/shout", None)
        raise SystemExit("a method that is not there was called")
    except CentrifugeError:
        pass
    await client.disconnect()
    assert connections.count == 3, connections.count
    print(f"done: PyPI centrifuge-python, {LAST} events over {connections.count} connections")


asyncio.run(main())
