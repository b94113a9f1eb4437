// Follows and calls an actor with types that come from the OpenAPI document: what does not fit it is not compiled.
import assert from "node:assert";
import { Centrifuge } from "centrifuge";
import WebSocket from "ws";
import { call, follow } from "./topics.js";

const url = `${process.argv[2].replace("http", "ws")}/connection/websocket`;
const client = new Centrifuge(url, { websocket: WebSocket });
const heard: [number, string][] = [];
await new Promise<void>((done, failed) => {
  client.on("error", failed);
  const room = follow(client, "room", "ts/1", {
    begin: (it) => {
      const said: number = it.said;
      heard.push([said, "begin"]);
      const text: Promise<number> = call(client, "room", "ts/1", "say", "hello");
      text.catch(failed);
      // @ts-expect-error what a client begins with has no text
      assert.equal(it.text, undefined);
    },
    event: ({ n, text }) => {
      heard.push([n, text]);
      done();
    },
  });
  room.on("error", failed);
  client.connect();
});
assert.deepEqual(heard, [[0, "begin"], [1, "hello"]]);
assert.equal(await call(client, "room", "ts/1", "said", null), 1);
// @ts-expect-error a number is no text
await assert.rejects(call(client, "room", "ts/1", "say", 1));
// @ts-expect-error there is no such method
await assert.rejects(call(client, "room", "ts/1", "shout", null));
// @ts-expect-error nobody publishes as a house
const nobody = () => follow(client, "house", "1", { begin: () => {}, event: () => {} });
assert.ok(nobody);
client.disconnect();
console.log("follow.ts: events and replies were what their types say");
