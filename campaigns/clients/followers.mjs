// Followers of the campaign `roll` on npm's `centrifuge`: node followers.mjs URL TOPIC.. says line by line what each is told.
import { Centrifuge } from 'centrifuge';
import WebSocket from 'ws';

const [url, ...topics] = process.argv.slice(2);

function follow(topic, follower) {
  const say = (what, rest) => console.log(JSON.stringify({ what, follower, ...rest }));
  const client = new Centrifuge(url, { websocket: WebSocket, minReconnectDelay: 50, maxReconnectDelay: 1000 });
  const subscription = client.newSubscription(topic, { minResubscribeDelay: 50, maxResubscribeDelay: 1000 });
  let epoch = '';
  subscription.on('subscribed', ({ recovered, streamPosition }) => {
    say('joined');
    epoch = streamPosition.epoch;
    if (!recovered) say('began', { at: `${epoch}:${streamPosition.offset}` });
  });
  subscription.on('publication', ({ data, offset }) => say('event', { at: `${epoch}:${offset}`, id: data?.id }));
  subscription.on('unsubscribed', ({ code, reason }) => say('wrong', { why: `unsubscribed: ${code} ${reason}` }));
  client.on('disconnected', ({ code, reason }) => say('wrong', { why: `disconnected: ${code} ${reason}` }));
  subscription.subscribe();
  client.connect();
}

topics.forEach(follow);
