// What joined participants say to each other: signal, data, attributes; and request ids, ping and leave.
/* oxlint-disable eslint/no-await-in-loop -- one message after the other is the point */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../../../signaling/protocol.ts';
import type { ServerMessage } from '../../../signaling/protocol.ts';
import { Harness } from './harness.ts';
import { anyNumber, containing } from './matchers.ts';

type Joined = Awaited<ReturnType<Harness['join']>>;

let server: Harness;
let ann: Joined;
let bob: Joined;

beforeEach(async () => {
  server = await Harness.start();
  ann = await server.join('ann');
  bob = await server.join('bob');
  for (const { client } of [ann, bob]) {
    await client.people(({ upd }) => upd.some(({ sid }) => sid === bob.sid));
    client.heard.length = 0;
  }
});
afterEach(async () => server.stop());

const sdp = (...lines: string[]): string => ['v=0', 's=-', ...lines, ''].join('\r\n');
const payload = (bytes: number): string => Buffer.alloc(bytes, 7).toString('base64');
const offer = (direction: string) => ({
  type: 'signal',
  to: bob.sid,
  description: { type: 'offer', sdp: sdp('m=audio 9 X 0', `a=${direction}`) },
});
const isSignal = (m: ServerMessage): m is Extract<ServerMessage, { type: 'signal' }> =>
  m.type === 'signal';

describe('signal', () => {
  test('reaches the one it is for, with who sent it, and nobody else', async () => {
    const cid = await server.join('cid');
    const description = { type: 'offer', sdp: sdp('m=audio 9 X 0') };
    expect(await ann.client.request({ type: 'signal', to: bob.sid, description })).toEqual({
      type: 'ok',
      re: 2,
    });
    expect(await bob.client.next('signal')).toEqual({
      type: 'signal',
      s: anyNumber,
      from: ann.sid,
      description,
    });
    await cid.client.settle();
    expect(cid.client.heard.filter(isSignal)).toEqual([]);
  });

  test('candidates pass as they are, null ends them', async () => {
    const candidate = {
      candidate: 'candidate:1 1 udp 1 192.0.2.1 9 typ host',
      sdpMid: '0',
      sdpMLineIndex: 0,
      usernameFragment: null,
    };
    for (const each of [candidate, null]) {
      await ann.client.request({ type: 'signal', to: bob.sid, candidate: each });
      expect((await bob.client.next('signal')).candidate).toEqual(each);
    }
  });

  test('keeps its order, and pushes are numbered without a gap', async () => {
    const numbers = Array.from({ length: 100 }, (_, i) => i);
    for (const n of numbers) {
      ann.client.send({
        type: 'signal',
        i: 10 + n,
        to: bob.sid,
        candidate: { candidate: `${n}` },
      });
    }
    await ann.client.reply(109);
    await bob.client.settle();
    const signals = bob.client.heard.filter(isSignal);
    expect(signals.map(({ candidate }) => Number(candidate?.candidate))).toEqual(numbers);
    const first = signals[0]!.s;
    expect(signals.map(({ s }) => s)).toEqual(numbers.map((n) => first + n));
  });

  test('never overtakes the news of its sender', async () => {
    const joins = Array.from({ length: 8 }, async (_, i) => {
      const { client, sid } = await server.join(`p${i}`);
      await client.request({ type: 'signal', to: bob.sid, candidate: null });
      return sid;
    });
    const sids = await Promise.all(joins);
    await bob.client.settle();
    for (const sid of sids) {
      const news = bob.client.heard.findIndex(
        (m) => m.type === 'people' && m.upd.some((info) => info.sid === sid),
      );
      const signal = bob.client.heard.findIndex((m) => isSignal(m) && m.from === sid);
      expect(news).toBeGreaterThanOrEqual(0);
      expect(signal).toBeGreaterThan(news);
    }
  });

  test.each<[string, (to: string, self: string) => Record<string, unknown>, string, string]>([
    ['to nobody', () => ({ to: 'PA_nobody', candidate: null }), 'NOT_FOUND', '"PA_nobody"'],
    ['to oneself', (_, to) => ({ to, candidate: null }), 'BAD_MESSAGE', 'to: expected another'],
    ['without content', (to) => ({ to }), 'BAD_MESSAGE', 'a description or a candidate'],
    [
      'an offer without SDP',
      (to) => ({ to, description: { type: 'offer' } }),
      'BAD_MESSAGE',
      'expected the SDP of the offer',
    ],
    [
      'SDP that is none',
      (to) => ({ to, description: { type: 'offer', sdp: 'hi' } }),
      'BAD_MESSAGE',
      'line 1',
    ],
    [
      'SDP over its bytes',
      (to) => ({ to, description: { type: 'offer', sdp: `s=${'é'.repeat(25_000)}` } }),
      'TOO_LARGE',
      'at most 49152 bytes',
    ],
  ])('%s is refused', async (_, message, reason, text) => {
    const reply = await ann.client.request({ type: 'signal', ...message(bob.sid, ann.sid) });
    expect(reply).toMatchObject({ type: 'error', reason, message: containing(text) });
    await bob.client.settle();
    expect(bob.client.heard).toEqual([]);
  });

  test('a rollback needs no SDP', async () => {
    const message = { type: 'signal', to: bob.sid, description: { type: 'rollback' } };
    expect(await ann.client.request(message)).toMatchObject({ type: 'ok' });
  });

  test('what the token does not grant does not pass in SDP', async () => {
    const deaf = await server.join('deaf', { grants: { canSubscribe: false } });
    const mute = await server.join('mute', { grants: { canPublish: false } });
    for (const [who, direction, grant] of [
      [deaf, 'sendrecv', 'canSubscribe'],
      [mute, 'sendonly', 'canPublish'],
    ] as const) {
      const reply = await who.client.request(offer(direction));
      expect(reply).toMatchObject({ code: 4403, reason: 'NOT_ALLOWED' });
      expect('message' in reply && reply.message).toContain(`does not grant ${grant}`);
    }
    expect(await deaf.client.request(offer('sendonly'))).toMatchObject({ type: 'ok' });
    expect(await mute.client.request(offer('recvonly'))).toMatchObject({ type: 'ok' });
  });
});

describe('data', () => {
  test('goes to the whole room but its sender', async () => {
    const cid = await server.join('cid');
    const message = { type: 'data', topic: 'chat', payload: 'aGVsbG8=' };
    expect(await ann.client.request(message)).toMatchObject({ type: 'ok' });
    for (const { client } of [bob, cid]) {
      expect(await client.next('data')).toEqual({
        ...message,
        s: anyNumber,
        from: ann.sid,
        direct: false,
      });
    }
    await ann.client.settle();
    expect(ann.client.heard.filter(({ type }) => type === 'data')).toEqual([]);
  });

  test('goes to the named ones, once each', async () => {
    const cid = await server.join('cid');
    const message = { type: 'data', payload: '', to: [bob.sid, bob.sid] };
    expect(await ann.client.request(message)).toMatchObject({ type: 'ok' });
    expect(await bob.client.next('data')).toMatchObject({ direct: true, payload: '' });
    for (const { client } of [bob, cid]) {
      await client.settle();
      expect(client.heard.filter(({ type }) => type === 'data')).toEqual([]);
    }
  });

  test('with an unknown recipient goes to nobody, and says who is unknown', async () => {
    const to = [bob.sid, 'PA_a', 'PA_b', 'PA_c', 'PA_d', 'PA_e', 'PA_f'];
    expect(await ann.client.request({ type: 'data', payload: 'aGk=', to })).toMatchObject({
      reason: 'NOT_FOUND',
      message: 'to: not in this room: "PA_a", "PA_b", "PA_c", "PA_d" and 2 more',
    });
    await bob.client.settle();
    expect(bob.client.heard).toEqual([]);
  });

  test('is bounded in decoded bytes', async () => {
    for (const bytes of [LIMITS.dataBytes, LIMITS.dataBytes - 1, LIMITS.dataBytes - 2]) {
      const reply = await ann.client.request({ type: 'data', payload: payload(bytes) });
      expect(reply).toMatchObject({ type: 'ok' });
    }
    for (const bytes of [LIMITS.dataBytes + 1, LIMITS.dataBytes + 50]) {
      const reply = await ann.client.request({ type: 'data', payload: payload(bytes) });
      expect(reply).toMatchObject({ reason: 'TOO_LARGE' });
    }
  });

  test('needs canPublishData', async () => {
    const mute = await server.join('mute', { grants: { canPublishData: false } });
    expect(await mute.client.request({ type: 'data', payload: 'aGk=' })).toMatchObject({
      reason: 'NOT_ALLOWED',
      message: 'The token does not grant canPublishData',
    });
  });

  test('does not cross rooms', async () => {
    const other = await server.join('cid', { grants: { room: 'other' } });
    await other.client.next('people');
    await ann.client.request({ type: 'data', payload: 'aGk=' });
    expect(
      await ann.client.request({ type: 'data', payload: 'aGk=', to: [other.sid] }),
    ).toMatchObject({ reason: 'NOT_FOUND' });
    await other.client.settle();
    expect(other.client.heard).toEqual([]);
  });
});

describe('attrs', () => {
  test('patches, deletes with null, and everybody is told, the sender too', async () => {
    await ann.client.request({ type: 'attrs', attrs: { a: '1', b: '2' }, meta: 'm' });
    await ann.client.request({ type: 'attrs', attrs: { a: null, c: '3' } });
    for (const { client } of [ann, bob]) {
      const people = await client.people(({ upd }) => upd.some(({ attrs }) => attrs['c'] === '3'));
      expect(people).toMatchObject({
        upd: [{ sid: ann.sid, attrs: { b: '2', c: '3' }, meta: 'm' }],
        gone: [],
      });
    }
  });

  test('versions rise, and many changes are few messages', async () => {
    for (let i = 0; i < 40; i++) {
      ann.client.send({ type: 'attrs', i: 10 + i, attrs: { n: `${i}` } });
    }
    await ann.client.reply(49);
    const last = await bob.client.people(({ upd }) => upd.some(({ attrs }) => attrs['n'] === '39'));
    const before = bob.client.heard.filter(({ type }) => type === 'people');
    expect(before.length).toBeLessThan(10);
    const versions = [...before, last].map((m) => (m.type === 'people' ? m.upd[0]!.v : 0));
    expect(versions).toEqual([...new Set(versions)].toSorted((a, b) => a - b));
  });

  test('over a bound is TOO_LARGE, and nothing changed', async () => {
    const attrs = { a: 'x'.repeat(9000), b: 'é'.repeat(4000) };
    expect(await ann.client.request({ type: 'attrs', attrs, meta: 'new' })).toMatchObject({
      reason: 'TOO_LARGE',
      message: 'attrs: expected at most 16384 bytes in all',
    });
    const cid = await server.join('cid');
    expect(cid.joined.participants[0]).toMatchObject({ attrs: {}, meta: '' });
  });
});

describe('request ids', () => {
  test('a request sent again is answered again and not executed again', async () => {
    const message = { type: 'signal', i: 7, to: bob.sid, candidate: null };
    ann.client.send(message);
    ann.client.send({ type: 'data', i: 8, payload: '***' });
    const first = [await ann.client.reply(7), await ann.client.reply(8)];
    ann.client.send(message);
    ann.client.send({ type: 'data', i: 8, payload: 'aGk=' });
    const second = [await ann.client.reply(7), await ann.client.reply(8)];
    expect(second).toEqual(first);
    await bob.client.settle();
    expect(bob.client.heard.map(({ type }) => type)).toEqual(['signal']);
  });

  test('an id below the last one that was never answered is BAD_MESSAGE', async () => {
    ann.client.send({ type: 'attrs', i: 9 });
    ann.client.send({ type: 'attrs', i: 8 });
    expect(await ann.client.reply(9)).toMatchObject({ type: 'ok' });
    expect(await ann.client.reply(8)).toMatchObject({
      reason: 'BAD_MESSAGE',
      message: 'i: expected an id above 9, the last one',
    });
  });

  test('a second join is out of order', async () => {
    const reply = await ann.client.request({ type: 'join', token: server.token('ann') });
    expect(reply).toMatchObject({ reason: 'BAD_MESSAGE', message: 'join: has joined already' });
    await ann.client.settle();
  });

  test('replies that fell out of the cache make an id stale', async () => {
    await server.stop();
    server = await Harness.start({ replyCache: { replies: 2, bytes: 1000 } });
    const { client } = await server.join('ann');
    for (const i of [11, 12, 13]) client.send({ type: 'attrs', i });
    await client.reply(13);
    client.heard.length = 0;
    for (const i of [11, 12]) client.send({ type: 'attrs', i });
    expect(await client.reply(11)).toMatchObject({ reason: 'BAD_MESSAGE' });
    expect(await client.reply(12)).toMatchObject({ type: 'ok' });
  });
});

describe('ping and leave', () => {
  test('ping is answered with its own time and the server’s', async () => {
    const before = Date.now();
    ann.client.send({ type: 'ping', t: 12.5, rtt: 3 });
    const pong = await ann.client.next('pong');
    expect(pong).toEqual({ type: 'pong', t: 12.5, srvT: anyNumber });
    expect(pong.srvT).toBeGreaterThanOrEqual(before);
  });

  test('leave takes the participant out at once and closes with 1000', async () => {
    ann.client.send({ type: 'leave', reason: 'done' });
    expect(await ann.client.close()).toEqual({ code: 1000, reason: 'LEFT' });
    expect(await bob.client.next('people')).toMatchObject({
      upd: [],
      gone: [{ sid: ann.sid, reason: 'LEFT' }],
    });
    const { reply } = await server.resume(ann.joined, 0);
    expect(reply).toMatchObject({ reason: 'SESSION_GONE' });
  });
});
