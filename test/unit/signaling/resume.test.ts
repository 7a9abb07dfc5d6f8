// A session outlives its WebSocket: away, resume with replay or `lost`, and the end of waiting.
/* oxlint-disable eslint/no-await-in-loop -- one message after the other is the point */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Harness } from './harness.ts';
import type { Client } from './harness.ts';
import { anyNumber, containing, objectWith } from './matchers.ts';

type Joined = Awaited<ReturnType<Harness['join']>>;

let server: Harness;
let ann: Joined;
let bob: Joined;

async function startWith(...args: Parameters<typeof Harness.start>): Promise<void> {
  server = await Harness.start(...args);
  ann = await server.join('ann');
  bob = await server.join('bob');
  for (const { client } of [ann, bob]) {
    await client.people(({ upd }) => upd.some(({ sid }) => sid === bob.sid));
  }
}

beforeEach(async () => startWith());
afterEach(async () => server.stop());

/** Bob's socket is lost; resolves when the room knows. */
async function loseBob(): Promise<void> {
  bob.client.ws.terminate();
  await ann.client.people(({ upd }) => upd.some((p) => p.sid === bob.sid && p.state === 'away'));
}

const away = (): Promise<unknown> =>
  ann.client.people(({ upd }) => upd.some((p) => p.sid === bob.sid && p.state === 'away'));

const lastSeq = (client: Client): number =>
  client.heard.reduce((last, m) => ('s' in m ? Math.max(last, m.s) : last), 1);
const signal = (n: number) => ({
  type: 'signal',
  to: bob.sid,
  candidate: { candidate: `${n}` },
});
const numbers = (client: Client): number[] =>
  client.heard.flatMap((m) => (m.type === 'signal' ? [Number(m.candidate?.candidate)] : []));

describe('resume', () => {
  test('brings what was missed, in order and once; the room sees away and active, no flap', async () => {
    await ann.client.request(signal(1));
    await bob.client.settle();
    const seen = lastSeq(bob.client);
    await loseBob();
    for (const n of [2, 3, 4]) await ann.client.request(signal(n));
    ann.client.heard.length = 0;
    const { client, reply } = await server.resume(bob.joined, seen);
    expect(reply).toMatchObject({
      type: 'joined',
      re: 1,
      s: seen,
      resumed: true,
      lost: false,
      session: bob.joined.session,
      self: { sid: bob.sid, state: 'active', joinedAt: bob.joined.self.joinedAt },
      participants: [{ sid: ann.sid }],
      ice: { expiresAt: 123 },
    });
    await client.settle();
    expect(numbers(client)).toEqual([2, 3, 4]);
    const seqs = client.heard.flatMap((m) => ('s' in m ? [m.s] : []));
    expect(seqs).toEqual(seqs.map((_, i) => seen + 1 + i));
    const news = await ann.client.people(() => true);
    expect(news).toMatchObject({ upd: [{ sid: bob.sid, state: 'active' }], gone: [] });
    await ann.client.settle();
    expect(ann.client.heard).toEqual([]);
    expect(server.signaling.stats()).toMatchObject({ resumes: 1, joins: 2, sessions: 2, away: 0 });
  });

  test('with the old socket still open: it is let go, and the room notices nothing', async () => {
    ann.client.heard.length = 0;
    const { client, reply } = await server.resume(bob.joined, 1);
    expect(reply).toMatchObject({ type: 'joined', resumed: true, lost: false });
    expect(await bob.client.next('bye')).toMatchObject({ code: 4450, action: 'rejoin' });
    expect((await bob.client.close()).code).toBe(4450);
    await ann.client.request(signal(9));
    await client.settle();
    expect(numbers(client)).toEqual([9]);
    await ann.client.settle();
    expect(ann.client.heard.filter(({ type }) => type === 'people')).toEqual([]);
  });

  test('with nothing missed replays nothing', async () => {
    await bob.client.settle();
    const { client, reply } = await server.resume(bob.joined, lastSeq(bob.client));
    expect(reply).toMatchObject({ resumed: true, lost: false });
    await client.settle();
    expect(client.heard).toEqual([]);
  });

  test('requests go on with their ids; one that was answered is not executed again', async () => {
    bob.client.send({ type: 'data', i: 2, payload: 'MQ==' });
    await bob.client.reply(2);
    await loseBob();
    const { client } = await server.resume(bob.joined, 1, { i: 40 });
    client.send({ type: 'data', i: 2, payload: 'MQ==' });
    client.send({ type: 'data', i: 3, payload: 'Mg==' });
    expect(await client.reply(2)).toMatchObject({ type: 'ok' });
    expect(await client.reply(3)).toMatchObject({ type: 'ok' });
    await ann.client.settle();
    const payloads = ann.client.heard.flatMap((m) => (m.type === 'data' ? [m.payload] : []));
    expect(payloads).toEqual(['MQ==', 'Mg==']);
  });

  test('twice in a row', async () => {
    await loseBob();
    const once = await server.resume(bob.joined, 1);
    once.client.ws.terminate();
    await ann.client.people(({ upd }) => upd.some((p) => p.state === 'away'));
    const twice = await server.resume(bob.joined, 1);
    expect(twice.reply).toMatchObject({ resumed: true, lost: false });
  });
});

describe('lost', () => {
  test('more pushes than the ring holds in number', async () => {
    await server.stop();
    await startWith({ pushRing: { messages: 3, bytes: 100_000 } });
    await loseBob();
    for (const n of [1, 2, 3, 4]) await ann.client.request(signal(n));
    const { client, reply } = await server.resume(bob.joined, 1);
    expect(reply).toMatchObject({ resumed: true, lost: true, participants: [{ sid: ann.sid }] });
    await client.settle();
    expect(numbers(client)).toEqual([]);
    await ann.client.request(signal(5));
    const next = await client.next('signal');
    expect(reply.type === 'joined' && next.s > reply.s).toBe(true);
  });

  test('more pushes than the ring holds in bytes', async () => {
    await server.stop();
    await startWith({ pushRing: { messages: 512, bytes: 50_000 } });
    await loseBob();
    const payload = Buffer.alloc(20_000).toString('base64');
    for (let i = 0; i < 2; i++) await ann.client.request({ type: 'data', payload });
    const { reply } = await server.resume(bob.joined, 1);
    expect(reply).toMatchObject({ resumed: true, lost: true });
  });

  test('a number that was never given', async () => {
    const { reply } = await server.resume(bob.joined, 1000);
    expect(reply).toMatchObject({ resumed: true, lost: true });
  });
});

describe('refused', () => {
  const tries: [string, (j: Joined) => Record<string, unknown>][] = [
    ['an unknown session', ({ joined }) => ({ ...joined.session, id: 'SE_x' })],
    ['another secret', ({ joined }) => ({ ...joined.session, secret: 'x'.repeat(43) })],
    ['half the secret', ({ joined }) => ({ ...joined.session, secret: 'x' })],
  ];
  test.each(tries)('%s: SESSION_GONE, and the session is untouched', async (_, session) => {
    const client = await server.connect();
    const message = { type: 'join', session: { ...session(bob), lastSeq: 0 } };
    expect(await client.request(message)).toMatchObject({ reason: 'SESSION_GONE', retry: 'now' });
    expect(await client.next('bye')).toMatchObject({ code: 4450, action: 'rejoin' });
    await client.close();
    await bob.client.settle();
    expect(bob.client.closed).toBeNull();
  });

  test('a token that comes along must be valid, and for the same identity and room', async () => {
    const resumeWith = async (token: string) =>
      (await server.resume(bob.joined, 1, { token })).reply;
    expect(await resumeWith('x')).toMatchObject({ reason: 'TOKEN_INVALID' });
    expect(await resumeWith(server.token('ann'))).toMatchObject({ reason: 'NOT_ALLOWED' });
    const elsewhere = server.token('bob', { grants: { room: 'other', roomJoin: true } });
    expect(await resumeWith(elsewhere)).toMatchObject({ reason: 'NOT_ALLOWED' });
    expect(await resumeWith(server.token('bob'))).toMatchObject({ type: 'joined', resumed: true });
  });

  test('a session whose token was revoked is over', async () => {
    const token = server.token('cid');
    const client = await server.connect();
    const joined = await client.request({ type: 'join', token });
    if (joined.type !== 'joined') throw new Error('not joined');
    client.ws.terminate();
    server.signaling.tokens.revoke(token);
    const { reply } = await server.resume(joined, 0);
    expect(reply).toMatchObject({
      reason: 'TOKEN_INVALID',
      message: containing('revoked'),
    });
    const news = await ann.client.people(({ gone }) => gone.length > 0);
    expect(news).toMatchObject({ gone: [{ sid: joined.self.sid, reason: 'TOKEN_INVALID' }] });
  });

  test('too often: RATE_LIMITED with the pause, and the session lives on', async () => {
    await server.stop();
    const rates = { messagesPerSecond: 2, messagesBurst: 3, bytesPerSecond: 1e6, bytesBurst: 1e6 };
    await startWith({ rates });
    let reply;
    do ({ reply } = await server.resume(bob.joined, 1));
    while (reply.type === 'joined');
    expect(reply).toMatchObject({ reason: 'RATE_LIMITED', retryAfterMs: anyNumber });
    await new Promise((resolve) => setTimeout(resolve, 510));
    expect((await server.resume(bob.joined, 1)).reply).toMatchObject({ resumed: true });
  });
});

describe('away', () => {
  test('is over after its time: gone with TIMEOUT, and SESSION_GONE', async () => {
    await server.stop();
    await startWith({ resumeMs: 80 });
    await loseBob();
    const news = await ann.client.people(({ gone }) => gone.length > 0);
    expect(news).toMatchObject({ upd: [], gone: [{ sid: bob.sid, reason: 'TIMEOUT' }] });
    expect((await server.resume(bob.joined, 1)).reply).toMatchObject({ reason: 'SESSION_GONE' });
    expect(server.signaling.stats()).toMatchObject({ sessions: 1, away: 0 });
  });

  test('a resume in time stops the clock', async () => {
    await server.stop();
    await startWith({ resumeMs: 800 });
    await loseBob();
    const { client } = await server.resume(bob.joined, 1);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await client.settle();
    expect(server.signaling.stats()).toMatchObject({ sessions: 2, away: 0 });
  });

  test('a newcomer sees who is away', async () => {
    await loseBob();
    const cid = await server.join('cid');
    expect(cid.joined.participants).toContainEqual(objectWith({ sid: bob.sid, state: 'away' }));
  });

  test('a silent socket is closed with 4452, its session stays and can be resumed', async () => {
    await server.stop();
    await startWith({ pingEveryMs: 20, pingTimeoutMs: 700 });
    const alive = setInterval(() => ann.client.send({ type: 'ping', t: 1 }), 20);
    expect(await bob.client.next('bye')).toMatchObject({
      reason: 'PING_TIMEOUT',
      action: 'resume',
    });
    expect((await bob.client.close()).code).toBe(4452);
    await ann.client.people(({ upd }) => upd.some((p) => p.sid === bob.sid && p.state === 'away'));
    const { reply } = await server.resume(bob.joined, 1);
    expect(reply).toMatchObject({ resumed: true });
    expect(ann.client.closed).toBeNull();
    clearInterval(alive);
  });

  test('the last one of a room is away: the room stays until that is over, then times out', async () => {
    await server.stop();
    await startWith({ resumeMs: 60, emptyRoomMs: 60 });
    for (const { client } of [ann, bob]) client.ws.terminate();
    await expect.poll(() => server.signaling.stats().away).toBe(2);
    expect(server.signaling.rooms.size).toBe(1);
    await expect.poll(() => server.signaling.rooms.size).toBe(0);
    expect(server.kept.events().slice(-3)).toEqual(['session.left', 'session.left', 'room.ended']);
  });
});

describe('a page that is loaded again', () => {
  test('leaves for a moment: its socket closes, the others see it away, and it has left when nobody comes', async () => {
    bob.client.send({ type: 'leave', backMs: 300 });
    expect(await bob.client.close()).toEqual({ code: 1000, reason: 'LEFT' });
    await away();
    const { gone } = await ann.client.people((people) => people.gone.length > 0);
    expect(gone).toEqual([{ sid: bob.sid, reason: 'LEFT' }]);
  });

  test('waits no longer than any session does', async () => {
    await server.stop();
    await startWith({ resumeMs: 300 });
    bob.client.send({ type: 'leave', backMs: 300_000 });
    await away();
    const { gone } = await ann.client.people((people) => people.gone.length > 0);
    expect(gone).toEqual([{ sid: bob.sid, reason: 'LEFT' }]);
  });

  test('somebody who waits longer does not hold up those who wait less', async () => {
    await loseBob();
    ann.client.send({ type: 'leave', backMs: 40 });
    await ann.client.close();
    await expect.poll(() => server.signaling.stats()).toMatchObject({ sessions: 1, away: 1 });
  });

  test('comes back with ids of its own, and gets what it missed', async () => {
    for (let n = 0; n < 5; n++) await bob.client.request({ type: 'attrs', attrs: { n: `${n}` } });
    await bob.client.settle();
    const lastSeen = lastSeq(bob.client);
    bob.client.send({ type: 'leave', backMs: 5000 });
    await away();
    await ann.client.request(signal(1));
    const client = await server.connect();
    const { id, secret } = bob.joined.session;
    const session = { id, secret, lastSeq: lastSeen, anew: true };
    const reply = await client.request({ type: 'join', session });
    expect(reply).toMatchObject({ resumed: true, lost: false, self: { sid: bob.sid } });
    // The page before has used this id.
    expect(await client.request({ type: 'attrs', attrs: { n: 'new' } })).toMatchObject({
      type: 'ok',
      re: 2,
    });
    expect(numbers(client)).toEqual([1]);
    const { upd } = await ann.client.people((people) => people.upd[0]?.attrs['n'] === 'new');
    expect(upd).toMatchObject([{ sid: bob.sid, state: 'active' }]);
  });
});
