// Property: for any sequence of messages, good and bad, each request id is answered exactly once or the
// socket was closed with a documented code; the server logs no fault and goes on.

import { once } from 'node:events';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CODES } from '../../../signaling/codes.ts';
import { Harness, tcpOf } from './harness.ts';
import { anything, arrayWith } from './matchers.ts';
import { planeProblems } from './plane-check.ts';
import { RecordedPlane } from './recorded-plane.ts';
import { joinWith, sections, smallOffer } from './small-offers.ts';

const DOCUMENTED = new Set([
  1000,
  1002,
  1007,
  1008,
  1009,
  ...Object.values(CODES).map(({ code }) => code),
]);

let p2p: Harness;
let sfu: Harness;
const plane = new RecordedPlane();
/** One identity comes again and again. */
const joins = { perSecond: 1000, burst: 1000 };
beforeAll(async () => {
  p2p = await Harness.start({ violationsMax: 6, joins });
  const offers = { perSecond: 1000, burst: 1000 };
  sfu = await Harness.start({ violationsMax: 6, joins, offers }, { media: plane });
});
afterAll(async () => {
  await p2p.stop();
  await sfu.stop();
});

const text = fc.oneof(fc.string({ maxLength: 20 }), fc.constantFrom('__proto__', '\u2028', 'PA_x'));
const sometimes = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const sdp = fc.constantFrom('v=0\r\nm=audio 9 X 0\r\n', 'v=0\n', 'junk', '', 'v=0\r\r\n');

/** Messages that mostly fit; `@self` and the like stand for participants and tracks that there are. */
const good = fc.oneof(
  fc.record({
    type: fc.constant('signal'),
    to: fc.constantFrom('@self', '@other', 'PA_nobody'),
    description: sometimes(fc.record({ type: fc.constantFrom('offer', 'rollback'), sdp })),
    candidate: sometimes(fc.constantFrom(null, { candidate: 'x' })),
  }),
  fc.record({
    type: fc.constant('data'),
    to: sometimes(fc.array(fc.constantFrom('@self', '@other', 'PA_nobody'), { maxLength: 3 })),
    topic: sometimes(text),
    payload: fc.oneof(fc.base64String({ maxLength: 40 }), text),
  }),
  fc.record({
    type: fc.constant('attrs'),
    attrs: sometimes(fc.dictionary(text, fc.option(text), { maxKeys: 5 })),
    meta: sometimes(text),
  }),
);
const mids = fc.constantFrom('0', '1', '2', '9');
const someSections = fc.uniqueArray(mids, { maxLength: 4 }).map((list) =>
  list.map((mid, i) => ({
    mid,
    kind: i % 2 === 0 ? ('audio' as const) : ('video' as const),
    direction: (['sendonly', 'recvonly', 'sendrecv', 'inactive'] as const)[(i + list.length) % 4]!,
  })),
);
const media = fc.oneof(
  fc.record({
    type: fc.constant('offer'),
    id: fc.nat(9),
    sdp: fc.oneof(
      { weight: 4, arbitrary: someSections.map((list) => smallOffer(list)) },
      { weight: 1, arbitrary: sdp },
    ),
    tracks: fc.array(
      fc.record({ mid: mids, source: fc.constantFrom('camera', 'microphone', 'other', 'screen') }),
      { maxLength: 2 },
    ),
    want: sometimes(fc.record({ audio: fc.nat(9), video: fc.nat(9) })),
    reset: sometimes(fc.boolean()),
  }),
  fc.record({
    type: fc.constant('mute'),
    track: fc.constantFrom('@mine', 'TR_nobody'),
    muted: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('subscribe'),
    tracks: fc.array(
      fc.record({
        track: fc.constantFrom('@theirs', 'TR_nobody'),
        on: sometimes(fc.boolean()),
        pin: sometimes(fc.boolean()),
      }),
      { maxLength: 2 },
    ),
  }),
  fc.record({
    type: fc.constant('mod'),
    op: fc.constantFrom('mute', 'permit'),
    to: fc.constantFrom('@self', '@other', 'PA_nobody'),
    perm: sometimes(fc.record({ canPublish: fc.boolean(), canSubscribe: fc.boolean() })),
  }),
);
const bad = fc.oneof(
  fc.record({ type: fc.constantFrom('join', 'kick', 'constructor', ''), token: text }),
  fc.record({
    type: fc.constant('attrs'),
    attrs: fc.jsonValue({ maxDepth: 3 }),
    meta: fc.jsonValue(),
  }),
  fc.record({ type: fc.constant('attrs'), meta: fc.constant('x'.repeat(70_000)) }),
);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('request'), message: good, again: fc.boolean() }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('request'), message: media, again: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('request'), message: bad, again: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('text'), text: fc.oneof(text, fc.json()) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('binary'), bytes: fc.uint8Array({ maxLength: 20 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('ping') }) },
);

const modes = ['p2p', 'sfu'] as const;
test.each(modes)(
  'every request is answered exactly once, or the socket was closed: %s',
  async (mode) => {
    const server = mode === 'p2p' ? p2p : sfu;
    const theirs = joinWith(sections(['audio', 'video'], 1));
    const other = await server.join('other', { message: theirs });
    const codes = new Set<number>();
    const run = fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const { client, sid, joined } = await server.join('ann', {
        grants: { room: 'r', roomJoin: true, roomAdmin: steps.length % 2 === 0 },
        message: steps.length % 3 === 0 ? {} : joinWith(sections(['audio'], 1, 1)),
      });
      const names = {
        '@self': sid,
        '@other': other.sid,
        '@mine': joined.answer?.tracks[0]?.sid ?? 'TR_none',
        '@theirs': other.joined.answer?.tracks[0]?.sid ?? 'TR_none',
      };
      const asked: { i: number; times: number }[] = [];
      let id = 100;
      for (const each of steps) {
        if ('message' in each) {
          let message = JSON.stringify({ ...each.message, i: ++id });
          for (const [name, value] of Object.entries(names))
            message = message.replaceAll(name, value);
          asked.push({ i: id, times: each.again ? 2 : 1 });
          for (let n = 0; n < (each.again ? 2 : 1); n++) client.send(message);
        } else if ('text' in each) client.send(each.text);
        else if ('bytes' in each) client.ws.send(each.bytes);
        else client.send({ type: 'ping', t: 0 });
      }
      client.send({ type: 'leave' });
      const { code } = await client.close();
      codes.add(code);
      expect(DOCUMENTED).toContain(code);
      const replies = client.heard.filter((m) => 're' in m && m.re !== undefined && m.re > 100);
      for (const { i, times } of asked) {
        const mine = replies.filter((m) => 're' in m && m.re === i);
        // Once per time it was sent, and always the same; fewer only after the server has closed.
        expect(mine.length).toBeLessThanOrEqual(times);
        expect(code === 1000 ? mine.length : times).toBe(times);
        for (const reply of mine) expect(reply).toEqual(mine[0]);
      }
      const resumed = await server.resume(joined, 0);
      expect(resumed.reply).toMatchObject({
        reason: code === 4429 ? anything : 'SESSION_GONE',
      });
      resumed.client.ws.terminate();
      other.client.heard.length = 0;
    });
    await fc.assert(run, { numRuns: 150 });
    expect(planeProblems(plane.current.commands)).toEqual([]);
    expect([...codes]).toEqual(arrayWith([1000, 4400]));
    await other.client.settle();
    expect(other.client.closed).toBeNull();
    expect(server.kept.events()).not.toContain('signaling.fault');
    await expect.poll(() => server.signaling.stats().sessions).toBe(1);
  },
);

test.each(modes)('the same for what comes before joining: %s', async (mode) => {
  const server = mode === 'p2p' ? p2p : sfu;
  const run = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
    const client = await server.connect();
    let id = 0;
    for (const each of steps) {
      if ('message' in each) client.send({ ...each.message, i: ++id });
      else if ('text' in each) client.send(each.text);
      else if ('bytes' in each) client.ws.send(each.bytes);
    }
    client.send({ type: 'join', i: 1000, token: 'x' });
    const { code } = await client.close();
    expect(DOCUMENTED).toContain(code);
    for (let i = 1; i <= id; i++) {
      const mine = client.heard.filter((m) => 're' in m && m.re === i);
      expect(mine.length).toBeLessThanOrEqual(1);
    }
    const last = client.heard.findLast(({ type }) => type === 'error');
    const reason = last?.type === 'error' && last.re !== undefined ? last.reason : null;
    expect(code === 4401 ? reason : 'TOKEN_INVALID').toBe('TOKEN_INVALID');
  });
  await fc.assert(run, { numRuns: 100 });
  expect(server.kept.events()).not.toContain('signaling.fault');
});

test('raw bytes on the wire never hurt', async () => {
  const server = p2p;
  const run = fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (bytes) => {
    const client = await server.connect();
    const socket = tcpOf(client.ws);
    socket.write(bytes);
    socket.end();
    if (client.closed === null) await once(client.ws, 'close');
  });
  await fc.assert(run, { numRuns: 50 });
  await expect.poll(() => server.signaling.stats().sockets).toBeLessThanOrEqual(1);
  expect(server.kept.events()).not.toContain('signaling.fault');
});
