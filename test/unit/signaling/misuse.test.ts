// Whatever a client does wrong is answered, then cut with the code that fits; the room does not notice.
/* oxlint-disable eslint/no-await-in-loop -- one message after the other is the point */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Reason } from '../../../signaling/codes.ts';
import { CODES } from '../../../signaling/codes.ts';
import { LIMITS } from '../../../signaling/protocol.ts';
import { Harness, tcpOf } from './harness.ts';
import type { Client } from './harness.ts';

type Joined = Awaited<ReturnType<Harness['join']>>;

let server: Harness;
let bob: Joined;

beforeEach(async () => {
  server = await Harness.start({ violationsMax: 4 });
  bob = await server.join('bob');
  await bob.client.next('people');
});
afterEach(async () => server.stop());

const misdeeds: [string, Reason, (client: Client) => void][] = [
  ['no JSON', 'BAD_MESSAGE', (c) => c.send('{"type":')],
  ['no object', 'BAD_MESSAGE', (c) => c.send('[]')],
  ['an unknown type', 'BAD_MESSAGE', (c) => c.send({ type: 'kick', i: c.nextId() })],
  ['a wrong field', 'BAD_MESSAGE', (c) => c.send({ type: 'data', i: c.nextId(), payload: 5 })],
  ['no id', 'BAD_MESSAGE', (c) => c.send({ type: 'attrs' })],
  ['an old id', 'BAD_MESSAGE', (c) => c.send({ type: 'attrs', i: 1 })],
  ['a second join', 'BAD_MESSAGE', (c) => c.send({ type: 'join', i: c.nextId(), token: 'x' })],
  ['a binary frame', 'BAD_MESSAGE', (c) => c.ws.send(Buffer.from('{"type":"ping","t":1}'))],
  [
    'a large message',
    'TOO_LARGE',
    (c) => c.send({ type: 'attrs', i: c.nextId(), x: 'x'.repeat(LIMITS.msgBytes) }),
  ],
  [
    'a large field',
    'TOO_LARGE',
    (c) => c.send({ type: 'attrs', i: c.nextId(), meta: 'x'.repeat(LIMITS.metaBytes + 1) }),
  ],
  [
    'what is not granted',
    'NOT_ALLOWED',
    (c) => c.send({ type: 'data', i: c.nextId(), payload: '' }),
  ],
];

describe('kept up', () => {
  test.each(misdeeds)(
    '%s: %s each time, then bye and close; the room sees one leave',
    async (_, reason, act) => {
      const ann = await server.join('ann', { grants: { canPublishData: false } });
      await ann.client.request({ type: 'attrs' });
      await bob.client.settle();
      bob.client.heard.length = 0;
      const { code, retry, action } = CODES[reason];
      for (let n = 1; n <= 4; n++) {
        act(ann.client);
        expect(await ann.client.next('error')).toMatchObject({ code, reason, retry });
        if (n === 3) await ann.client.settle();
      }
      expect(await ann.client.next('bye')).toMatchObject({ code, reason, action });
      expect(await ann.client.close()).toEqual({ code, reason });
      await expect.poll(() => server.signaling.stats().sessions).toBe(1);
      await bob.client.people(({ gone }) => gone.some(({ sid }) => sid === ann.sid));
      await bob.client.settle();
      expect(bob.client.heard.every(({ type }) => type === 'people')).toBe(true);
      expect(server.signaling.stats().refusals).toEqual({ [reason]: 4 });
      expect(server.kept.text()).not.toContain('"level":"error"');
    },
  );

  test('requests of the room go on while somebody is being refused', async () => {
    const ann = await server.join('ann');
    for (let n = 0; n < 4; n++) {
      ann.client.send('junk');
      expect(await bob.client.request({ type: 'attrs' })).toMatchObject({ type: 'ok' });
    }
    await ann.client.close();
    expect(await bob.client.request({ type: 'attrs' })).toMatchObject({ type: 'ok' });
  });

  test('before joining: the same', async () => {
    const client = await server.connect();
    for (let n = 0; n < 4; n++) client.send('junk');
    expect(await client.next('bye')).toMatchObject({ reason: 'BAD_MESSAGE' });
    expect((await client.close()).code).toBe(4400);
  });

  test('far apart they are forgiven', async () => {
    await server.stop();
    server = await Harness.start({ violationsMax: 3, violationWindowMs: 30 });
    const { client } = await server.join('ann');
    for (let n = 0; n < 6; n++) {
      client.send('junk');
      await client.next('error');
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    expect(client.closed).toBeNull();
  });

  test('NOT_FOUND is nobody’s fault and is never cut', async () => {
    const ann = await server.join('ann');
    for (let n = 0; n < 20; n++) {
      const reply = await ann.client.request({ type: 'signal', to: 'PA_gone', candidate: null });
      expect(reply).toMatchObject({ reason: 'NOT_FOUND' });
    }
  });
});

describe('errors', () => {
  test('quote little of what was sent, and escaped', async () => {
    const ann = await server.join('ann');
    const type = `\u202e<script>${'x'.repeat(5000)}`;
    ann.client.send({ type, i: 2 });
    const { message } = await ann.client.next('error');
    expect(message).toContain('got "\\u{202e}<script>xxxx');
    expect(message.length).toBeLessThan(240);
  });

  test('an oversized request is answered by its id', async () => {
    const ann = await server.join('ann');
    const reply = await ann.client.request({ type: 'attrs', x: 'x'.repeat(LIMITS.msgBytes) });
    expect(reply).toMatchObject({ reason: 'TOO_LARGE' });
  });
});

describe('the framing layer', () => {
  test.each<[string, number, (client: Client) => void]>([
    ['a message over 256 KiB', 1009, (c) => c.send('x'.repeat(262_145))],
    ['text that is not UTF-8', 1007, (c) => c.ws.send(Buffer.from([0xff]), { binary: false })],
    [
      'a message in over 256 fragments',
      1008,
      (c) => {
        for (let n = 0; n < 300; n++) c.ws.send('x', { fin: false });
      },
    ],
  ])('closes %s with %i; the session may be resumed', async (_, code, act) => {
    const ann = await server.join('ann');
    act(ann.client);
    expect((await ann.client.close()).code).toBe(code);
    await expect.poll(() => server.signaling.stats().away).toBe(1);
    expect((await server.resume(ann.joined, 0)).reply).toMatchObject({ resumed: true });
  });

  test('bytes that are no frame: 1002', async () => {
    const ann = await server.join('ann');
    tcpOf(ann.client.ws).write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    expect((await ann.client.close()).code).toBe(1002);
    await bob.client.settle();
  });
});

describe('rates', () => {
  const slow = { messagesPerSecond: 5, messagesBurst: 10, bytesPerSecond: 1e6, bytesBurst: 1e6 };

  test('over the messages: RATE_LIMITED with the pause, not executed, and then again', async () => {
    await server.stop();
    server = await Harness.start({ rates: slow });
    const ann = await server.join('ann');
    const to = (await server.join('cid')).sid;
    for (let i = 1; i <= 11; i++) ann.client.send({ type: 'signal', i, to, candidate: null });
    for (let i = 1; i <= 10; i++) expect(await ann.client.reply(i)).toMatchObject({ type: 'ok' });
    const refused = await ann.client.reply(11);
    expect(refused).toMatchObject({ code: 4429, reason: 'RATE_LIMITED', retry: 'later' });
    const pause = refused.type === 'error' ? refused.retryAfterMs! : 0;
    expect(pause).toBeGreaterThan(0);
    expect(pause).toBeLessThanOrEqual(200);
    await new Promise((resolve) => setTimeout(resolve, pause + 5));
    ann.client.send({ type: 'signal', i: 12, to, candidate: null });
    expect(await ann.client.reply(12)).toMatchObject({ type: 'ok' });
  });

  test('over the bytes', async () => {
    await server.stop();
    server = await Harness.start({
      rates: { ...slow, messagesBurst: 1000, bytesPerSecond: 1000, bytesBurst: 30_000 },
    });
    const ann = await server.join('ann');
    const payload = Buffer.alloc(15_000).toString('base64');
    expect(await ann.client.request({ type: 'data', payload })).toMatchObject({ type: 'ok' });
    expect(await ann.client.request({ type: 'data', payload })).toMatchObject({
      reason: 'RATE_LIMITED',
    });
    expect(await ann.client.request({ type: 'data', payload: '' })).toMatchObject({ type: 'ok' });
  });

  test('a small change of large attributes costs what everybody is sent', async () => {
    await server.stop();
    server = await Harness.start({
      rates: { ...slow, messagesBurst: 1000, bytesPerSecond: 1000, bytesBurst: 50_000 },
    });
    const ann = await server.join('ann');
    const meta = 'x'.repeat(15_000);
    expect(await ann.client.request({ type: 'attrs', meta })).toMatchObject({ type: 'ok' });
    const replies = [];
    for (let n = 0; n < 4; n++)
      replies.push(await ann.client.request({ type: 'attrs', attrs: { n: `${n}` } }));
    expect(replies.map(({ type }) => type)).toEqual(['ok', 'ok', 'error', 'error']);
  });

  test('kept up: closed with 4429, to be resumed, and the debt is not forgotten', async () => {
    await server.stop();
    const rates = { ...slow, messagesPerSecond: 1 };
    server = await Harness.start({ rates, violationsMax: 4 });
    const ann = await server.join('ann');
    for (let i = 1; i <= 14; i++) ann.client.send({ type: 'attrs', i });
    const bye = await ann.client.next('bye');
    expect(bye).toMatchObject({ reason: 'RATE_LIMITED', action: 'resume' });
    expect(bye.afterMs).toBeGreaterThan(0);
    expect((await ann.client.close()).code).toBe(4429);
    expect((await server.resume(ann.joined, 0)).reply).toMatchObject({ reason: 'RATE_LIMITED' });
    await new Promise((resolve) => setTimeout(resolve, bye.afterMs! + 100));
    expect((await server.resume(ann.joined, 0)).reply).toMatchObject({ resumed: true });
  });

  test('ping frames count like messages', async () => {
    await server.stop();
    server = await Harness.start({ rates: slow, violationsMax: 4 });
    const ann = await server.join('ann');
    for (let n = 0; n < 14; n++) ann.client.ws.ping();
    expect((await ann.client.close()).code).toBe(4429);
  });
});

describe('faults of ours', () => {
  test('are logged once, answered INTERNAL and closed with 4500; the server goes on', async () => {
    await server.stop();
    let broken = true;
    server = await Harness.start(
      {},
      {
        iceServers: () => {
          if (broken) throw new Error('no credentials today');
          return { servers: [], expiresAt: 0 };
        },
      },
    );
    const client = await server.connect();
    const reply = await client.request({ type: 'join', token: server.token('ann') });
    expect(reply).toMatchObject({ type: 'error', re: 1, reason: 'INTERNAL', retry: 'later' });
    expect(JSON.stringify(reply)).not.toContain('credentials');
    expect(await client.next('bye')).toMatchObject({ code: 4500 });
    expect((await client.close()).code).toBe(4500);
    expect(server.kept.events().filter((event) => event === 'signaling.fault')).toHaveLength(1);
    expect(server.kept.text()).toContain('no credentials today');
    expect(server.signaling.stats()).toMatchObject({ sessions: 0, rooms: 0 });
    broken = false;
    await server.join('ann');
  });
});
