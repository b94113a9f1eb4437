// What both pages share: one connection, and calls that outlast a restart of the node.
'use strict';

const conversation = new URLSearchParams(location.search).get('c') || 'films';
const $ = (id) => document.getElementById(id);
const socket = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/connection/websocket`;
const centrifuge = new Centrifuge(socket, { minReconnectDelay: 200, maxReconnectDelay: 5000 });

function showLink(text, isAway) {
  $('link').textContent = text;
  $('link').classList.toggle('away', isAway);
}
centrifuge.on('connecting', (it) => showLink(it.code === 0 ? 'connecting…' : 'reconnecting…', true));
centrifuge.on('connected', () => showLink('live', false));
centrifuge.on('disconnected', (it) => showLink(`disconnected: ${it.reason}`, true));

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// Calls an actor. What may succeed later is tried again, also when the answer was lost with the connection:
// every call of these pages may be made twice.
async function call(path, data) {
  for (let wait = 100; ; wait = Math.min(wait * 2, 3000)) {
    try {
      await centrifuge.ready();
      return (await centrifuge.rpc(path, data)).data;
    } catch (error) {
      const isRefused = error.code >= 100 && !error.temporary;
      if (isRefused || centrifuge.state === 'disconnected') throw error;
      await pause(wait);
    }
  }
}

function follow(topic, data, take, refused) {
  const subscription = centrifuge.newSubscription(topic, { data });
  subscription.on('subscribed', (it) => { if (it.data) take(it.data); });
  subscription.on('publication', (it) => take(it.data));
  subscription.on('error', (it) => refused && refused(it.error));
  subscription.on('unsubscribed', (it) => {
    // The node cannot go on with these events: begin afresh.
    if (it.code >= 2500) subscription.subscribe(); else if (it.code > 0 && refused) refused(it);
  });
  subscription.subscribe();
  return subscription;
}
