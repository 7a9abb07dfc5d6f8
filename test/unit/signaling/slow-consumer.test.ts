// A reader that stands still is cut off before it fills the server's memory; the others go on.
/* oxlint-disable eslint/no-await-in-loop -- one message after the other is the point */

import { afterEach, expect, test } from 'vitest';
import { Harness } from './harness.ts';
import type { Client } from './harness.ts';

let server: Harness;
afterEach(async () => server.stop());

const rates = { messagesPerSecond: 1e6, messagesBurst: 1e6, bytesPerSecond: 1e9, bytesBurst: 1e9 };
const payload = Buffer.alloc(32_000, 1).toString('base64');

/** Data from one client to the room until the server has cut somebody off. */
async function flood(sender: Client): Promise<number> {
  for (let n = 1; ; n++) {
    expect(await sender.request({ type: 'data', payload })).toMatchObject({ type: 'ok' });
    if (server.signaling.stats().sockets < 3 || n > 2000) return n;
  }
}

test('a paused socket is closed with 4451 and its session can be resumed; nobody else notices', async () => {
  server = await Harness.start({ rates, closeTimeoutMs: 20 });
  const ann = await server.join('ann');
  const bob = await server.join('bob');
  const slow = await server.join('slow');
  slow.client.ws.pause();
  const sent = await flood(ann.client);
  expect(sent).toBeLessThan(2000);
  await bob.client.settle();
  const heard = bob.client.heard.filter(({ type }) => type === 'data');
  expect(heard).toHaveLength(sent);
  await expect
    .poll(() => server.signaling.stats())
    .toMatchObject({
      sockets: 2,
      sessions: 3,
      away: 1,
      closes: { SLOW_CONSUMER: 1 },
    });
  const { reply } = await server.resume(slow.joined, 0);
  expect(reply).toMatchObject({ resumed: true, lost: true, self: { state: 'active' } });
});

test('replies count too: a client that asks and never reads is cut off', async () => {
  server = await Harness.start({
    rates,
    bufferedBytesMax: 270_000,
    closeTimeoutMs: 20,
    violationsMax: 1e6,
  });
  const { client } = await server.join('ann');
  client.ws.pause();
  const ping = JSON.stringify({ type: 'ping', t: 1 / 3 });
  for (let n = 0; n < 4000 && server.signaling.stats().sockets === 1; n++) {
    for (let k = 0; k < 100; k++) client.send(ping);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await expect.poll(() => server.signaling.stats().sockets, { timeout: 5000 }).toBe(0);
  expect(server.signaling.stats().closes).toEqual({ SLOW_CONSUMER: 1 });
});

test('an away session collects no more than its ring', async () => {
  server = await Harness.start({ rates, pushRing: { messages: 16, bytes: 200_000 } });
  const ann = await server.join('ann');
  const bob = await server.join('bob');
  bob.client.ws.terminate();
  await expect.poll(() => server.signaling.stats().away).toBe(1);
  for (let n = 0; n < 50; n++) await ann.client.request({ type: 'data', payload });
  const { reply } = await server.resume(bob.joined, 0);
  expect(reply).toMatchObject({ lost: true });
  const { reply: partly, client } = await server.resume(
    bob.joined,
    reply.type === 'joined' ? reply.s - 3 : 0,
  );
  expect(partly).toMatchObject({ lost: false });
  await client.settle();
  expect(client.heard.filter(({ type }) => type === 'data')).toHaveLength(3);
});
