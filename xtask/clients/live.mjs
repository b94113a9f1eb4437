// Follows an actor with npm `centrifuge` until every event has come, each once and in order.
import assert from "node:assert";
import { Centrifuge } from "centrifuge";
import WebSocket from "ws";

const [url, last] = [process.argv[2], Number(process.argv[3])];
const client = new Centrifuge(`${url.replace("http", "ws")}/connection/websocket`, {
  websocket: WebSocket,
  maxReconnectDelay: 1000,
});
const room = client.newSubscription("room:1");
let [seen, connections] = [0, 0];
client.on("connected", () => (connections += 1));
client.on("disconnected", (end) => assert.fail(`it stays away: ${end.code} ${end.reason}`));
room.on("subscribed", (at) => {
  if (connections === 1) {
    assert.deepEqual([at.data, at.wasRecovering], [{ said: 0 }, false]);
  } else {
    assert.deepEqual([at.wasRecovering, at.recovered], [true, true]);
  }
  console.log("following");
});
const done = new Promise((resolve) => {
  room.on("publication", ({ data, offset }) => {
    seen += 1;
    assert.deepEqual([offset, data.n, data.text], [seen, seen, `word ${seen}`]);
    if (seen === last) resolve();
  });
});
room.subscribe();
client.connect();
await done;
const said = await client.rpc("room/1/said", null);
assert.equal(said.data, last);
const history = await room.history({ limit: 2, since: { epoch: (await room.history()).epoch, offset: 1 } });
assert.deepEqual(history.publications.map((it) => it.data.n), [2, 3]);
assert.ok((await room.presenceStats()).numClients >= 1);
await assert.rejects(client.rpc("room/1/shout", null), { code: 404 });
client.removeAllListeners("disconnected");
client.disconnect();
assert.equal(connections, 3);
console.log(`done: npm centrifuge, ${last} events over ${connections} connections`);
