// Listeners of the campaign `sessions` on npm's `centrifuge`: node listeners.mjs ADDRESS ACTORS LISTENERS
import { createInterface } from 'node:readline';
import { Centrifuge } from 'centrifuge';
import WebSocket from 'ws';

const [address, actors, listeners] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const types = ['herald', 'crier'];

function listen(index) {
  const [kind, actor] = [index % 2, Math.floor(index / 2) % actors];
  const topic = `${types[kind]}:${actor}`;
  const heard = { kind, actor, last: 0, offset: -1, events: 0, reloads: 0, wrong: [] };
  const client = new Centrifuge(`ws://${address}/connection/websocket`, {
    websocket: WebSocket, minReconnectDelay: 50, maxReconnectDelay: 1000,
  });
  const subscription = client.newSubscription(topic, { minResubscribeDelay: 50, maxResubscribeDelay: 1000 });
  subscription.on('subscribed', (context) => {
    if (context.recovered) return;
    if (heard.offset >= 0) heard.reloads += 1;
    heard.offset = context.streamPosition.offset;
    heard.last = context.data;
  });
  subscription.on('publication', (context) => {
    heard.events += 1;
    if (context.data.n !== heard.last + 1 || context.offset !== heard.offset + 1) {
      heard.wrong.push(`${topic}: ${context.data.n} at ${context.offset} came after ${heard.last} at ${heard.offset}`);
    }
    heard.last = context.data.n;
    heard.offset = context.offset;
  });
  client.on('disconnected', (context) => heard.wrong.push(`${topic}: ${context.code} ${context.reason}`));
  subscription.on('unsubscribed', (context) => heard.wrong.push(`${topic}: ${context.code} ${context.reason}`));
  subscription.subscribe();
  client.connect();
  return heard;
}

const all = Array.from({ length: listeners }, (_, index) => listen(index));
createInterface({ input: process.stdin }).on('line', (line) => {
  const said = JSON.parse(line);
  const sum = (of) => all.reduce((total, heard) => total + of(heard), 0);
  console.log(JSON.stringify({
    listeners,
    events: sum((heard) => heard.events),
    reloads: [0, 1].map((kind) => sum((heard) => (heard.kind === kind ? heard.reloads : 0))),
    wrong: all.flatMap((heard) => heard.wrong.slice(0, 3)),
    behind: said.length === 0 ? 0 : sum((heard) => (heard.last === said[heard.kind * actors + heard.actor] ? 0 : 1)),
  }));
}).on('close', () => process.exit(0));
