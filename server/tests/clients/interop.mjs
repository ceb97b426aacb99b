// MQTT.js as anybody uses it: node interop.mjs URL TOKEN VERSION (4: MQTT 3.1.1, 5: MQTT 5.0).
// Prints every message that it hears as a line of JSON; ends with 1 where something is not as it should be.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import mqtt from 'mqtt';

const [url, token, version] = process.argv.slice(2);
const protocolVersion = Number(version);
const STATUS = 'v1/stores/harbor/status';
const QUEUE = 'v1/stores/harbor/queue';

/** Connects, and fails instead of trying for ever. */
async function connect(options = {}) {
  const client = mqtt.connect(url, { protocolVersion, reconnectPeriod: 0, connectTimeout: 10_000, ...options });
  client.on('error', () => {}); // told to whoever waits
  await once(client, 'connect');
  return client;
}

/** The next message of a topic. */
async function message(client, topic) {
  for (;;) {
    const [of, payload, packet] = await once(client, 'message');
    const event = JSON.parse(payload.toString());
    console.log(JSON.stringify(event));
    if (of === topic) return { event, packet };
  }
}

/** The code that SUBACK has for a filter. */
async function subscribe(client, filter, qos) {
  return new Promise((resolve, reject) => {
    client.subscribe(filter, { qos }, (error, granted, packet) => {
      const code = packet?.granted?.[0] ?? granted?.[0]?.qos;
      if (code === undefined) reject(error);
      else resolve({ code, words: packet?.properties?.reasonString });
    });
  });
}

const nobody = await connect();
const first = message(nobody, STATUS);
assert.equal((await subscribe(nobody, STATUS, 1)).code, 1);
const { event, packet } = await first;
assert.equal(packet.retain, true);
assert.equal(event.type, 'live.store_status.v1');
assert.equal(event.data.id, 'harbor');
if (protocolVersion === 5) assert.match(packet.properties.contentType, /^application\/cloudevents\+json/);
const refused = await subscribe(nobody, QUEUE, 0);
assert.equal(refused.code, protocolVersion === 5 ? 0x87 : 0x80);
if (protocolVersion === 5) assert.match(refused.words, /not yours/);
await nobody.unsubscribeAsync(STATUS);

const bar = await connect({ username: 'token', password: token });
const queue = message(bar, QUEUE);
assert.equal((await subscribe(bar, QUEUE, 0)).code, 0);
assert.equal((await queue).event.data.store, 'harbor');
if (protocolVersion === 5) {
  await assert.rejects(bar.publishAsync(QUEUE, '{}', { qos: 1 }), { code: 0x87 });
  const disconnected = once(bar, 'disconnect');
  bar.publish(QUEUE, '{}', { qos: 0 });
  assert.equal((await disconnected)[0].reasonCode, 0x87);
} else {
  const closed = once(bar, 'close');
  bar.publish(QUEUE, '{}', { qos: 0 });
  await closed;
}
await assert.rejects(connect({ username: 'token', password: 'wrong' }), { code: protocolVersion === 5 ? 0x86 : 4 });
await nobody.endAsync();
bar.end(true);
