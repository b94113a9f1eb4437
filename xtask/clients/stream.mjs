// Follows an actor with npm `eventsource` until every event has come, each once and in order.
import assert from "node:assert";
import { EventSource } from "eventsource";

const [url, last] = [process.argv[2], Number(process.argv[3])];
const stream = new EventSource(`${url}/v1/room/1/events`);
let [seen, connections] = [0, 0];
stream.addEventListener("open", () => {
  connections += 1;
  console.log("following");
});
stream.addEventListener("begin", ({ data }) => {
  assert.deepEqual([JSON.parse(data), connections], [{ said: 0 }, 1]);
});
stream.addEventListener("reset", () => assert.fail("nothing was lost"));
await new Promise((resolve) => {
  stream.addEventListener("message", ({ data, lastEventId }) => {
    seen += 1;
    assert.deepEqual(JSON.parse(data), { n: seen, text: `word ${seen}` });
    assert.ok(lastEventId.endsWith(`:${seen}`));
    if (seen === last) resolve();
  });
});
stream.close();
assert.equal(connections, 3);
console.log(`done: npm eventsource, ${last} events over ${connections} connections`);
