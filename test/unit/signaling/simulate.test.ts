// What goes wrong on purpose, message by message: who may, what the media worker is told, what the client and the
// others hear, how it ends.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JoinedMessage } from '../../../signaling/protocol.ts';
import { Harness } from './harness.ts';
import { MediaClient } from './media-client.ts';
import { assertPlane } from './plane-check.ts';
import { RecordedPlane } from './recorded-plane.ts';
import { sections } from './small-offers.ts';

let plane: RecordedPlane;
let server: Harness;
let ann: MediaClient;
let bob: MediaClient;
const grants = { simulate: true };
beforeEach(async () => {
  plane = new RecordedPlane();
  server = await Harness.start({}, { media: plane });
  ann = await MediaClient.join(server, 'ann', sections(['audio', 'video'], 1), { grants });
  bob = await MediaClient.join(server, 'bob', sections(['audio', 'video'], 1, 1));
});
afterEach(async () => {
  await server.stop();
  assertPlane(plane.current.commands);
});

type Fields = Record<string, unknown>;

const simulate = (fields: Fields): Promise<unknown> =>
  ann.client.request({ type: 'simulate', ...fields });
const id = (): number => plane.current.all('sfu.open')[0]!.id;
const speaks = (sid: string): unknown => ({ sid, level: 1, active: true });
const impaired = () => plane.current.all('sfu.impair');

/** As a server asks. */
const run = (participant: string, what: Fields): unknown =>
  structuredClone(
    server.signaling.execute(
      structuredClone({ op: 'simulate', room: 'r', participant, what }) as never,
    ),
  );

async function resumed(joined: JoinedMessage): Promise<unknown> {
  const { reply } = await server.resume(joined, 0);
  return reply;
}

describe('who may', () => {
  test('whose token says so, which joined says as well; nobody else', async () => {
    expect(ann.joined.server.features).toContain('simulate');
    expect(bob.joined.server.features).not.toContain('simulate');
    expect(ann.joined.self.perm).not.toHaveProperty('simulate');
    const refused = await bob.client.request({ type: 'simulate', op: 'speaker' });
    expect(refused).toMatchObject({ reason: 'NOT_ALLOWED' });
    expect(server.signaling.stats().simulations).toEqual({});
    expect(await simulate({ op: 'ice-tcp' })).toMatchObject({ type: 'ok' });
    expect(await simulate({ op: 'ice-tcp' })).toMatchObject({ type: 'ok' });
    expect(server.signaling.stats().simulations).toEqual({ 'ice-tcp': 2 });
    const line = server.kept
      .text()
      .split('\n')
      .find((one) => one.includes('participant.simulated'));
    expect(JSON.parse(line!)).toMatchObject({
      op: 'ice-tcp',
      ms: 30_000,
      sid: ann.sid,
      by: ann.sid,
      room: 'r',
    });
  });

  test('not as often as anybody likes', async () => {
    const replies = [];
    for (let n = 0; n < 12; n++) replies.push(await simulate({ op: 'lift' }));
    expect(replies.filter((reply) => (reply as Fields)['type'] === 'ok').length).toBeLessThan(12);
    expect(replies.at(-1)).toMatchObject({ reason: 'RATE_LIMITED' });
  });

  test.each<[Fields, string]>([
    [{}, 'op'],
    [{ op: 'explode' }, 'op'],
    [{ op: 'speaker', ms: 0 }, 'ms'],
    [{ op: 'speaker', ms: 300_001 }, 'ms'],
    [{ op: 'speaker', ms: 1.5 }, 'ms'],
    [{ op: 'signal-drop', ms: 5 }, 'ms'],
    [{ op: 'ice-tcp', up: {} }, 'up'],
    [{ op: 'speaker', down: null }, 'down'],
    [{ op: 'lift', seed: 1 }, 'seed'],
    [{ op: 'network', down: { loss: 1.1 } }, 'down.loss'],
    [{ op: 'network', up: { rateBps: 1 } }, 'up.rateBps'],
    [{ op: 'network', up: { delay: 1 } }, 'up: Unrecognized key: "delay"'],
    [{ op: 'network', down: 3 }, 'down'],
  ])('%j is refused with the name of the field', async (fields, field) => {
    const reply = (await simulate(fields)) as Fields;
    expect(reply).toMatchObject({ type: 'error', reason: 'BAD_MESSAGE' });
    expect(String(reply['message']).startsWith(field)).toBe(true);
    expect(impaired()).toEqual([]);
    expect(server.signaling.stats().simulations).toEqual({});
  });
});

describe('the WebSocket', () => {
  test('signal-drop: it is answered, cut, and not cut again when the request is sent again', async () => {
    const i = ann.client.nextId();
    ann.client.send({ type: 'simulate', i, op: 'signal-drop' });
    expect((await ann.client.close()).code).toBe(1006);
    await bob.info(ann.sid, ({ state }) => state === 'away');
    const { client, reply } = await server.resume(ann.joined, 0);
    expect(reply).toMatchObject({ type: 'joined', resumed: true });
    client.send({ type: 'simulate', i, op: 'signal-drop' });
    expect(await client.reply(i)).toMatchObject({ type: 'ok' });
    await client.settle();
    expect(server.signaling.stats().simulations).toEqual({ 'signal-drop': 1 });
  });

  test('node-drain: bye says to resume, and that works', async () => {
    expect(await simulate({ op: 'node-drain' })).toMatchObject({ type: 'ok' });
    expect(await ann.client.next('bye')).toMatchObject({ reason: 'ROUTE_LOST', action: 'resume' });
    await ann.client.close();
    expect(await resumed(ann.joined)).toMatchObject({ type: 'joined', resumed: true });
  });

  test('full-reconnect: bye says to join anew, the session is over, the token still good', async () => {
    expect(await simulate({ op: 'full-reconnect' })).toMatchObject({ type: 'ok' });
    expect(await ann.client.next('bye')).toMatchObject({
      reason: 'SESSION_GONE',
      action: 'rejoin',
    });
    await ann.client.close();
    expect(await resumed(ann.joined)).toMatchObject({ reason: 'SESSION_GONE' });
    const { gone } = await bob.client.people((message) => message.gone.length > 0);
    expect(gone).toEqual([{ sid: ann.sid, reason: 'SESSION_GONE' }]);
    await server.join('ann');
  });
});

describe('the network', () => {
  test.each([
    ['ice-fail', 'nothing'],
    ['ice-tcp', 'tcp'],
    ['turn-only', 'relay'],
  ])('%s: only %s passes', async (op, passes) => {
    await simulate({ op, ms: 1234 });
    expect(impaired()).toMatchObject([{ id: id(), passes, ms: 1234 }]);
    expect(impaired()[0]).not.toHaveProperty('up');
  });

  test('is as it was asked for, and null or left out as it is', async () => {
    const down = { loss: 0.3, burst: 4, delayMs: 10, jitterMs: 5, rateBps: 1e6, queueMs: 50 };
    await simulate({ op: 'network', down, seed: 42 });
    await simulate({ op: 'network', up: { loss: 1 }, down: null, ms: 10 });
    await simulate({ op: 'network' });
    expect(impaired()).toMatchObject([
      { up: null, down, seed: 42, ms: 30_000 },
      { up: { loss: 1 }, down: null, ms: 10 },
      { up: null, down: null },
    ]);
    await simulate({ op: 'lift' });
    expect(impaired().at(-1)).toMatchObject({ up: null, down: null, passes: null });
  });

  test('stays bad for a transport that begins meanwhile, for the rest of the time', async () => {
    await simulate({ op: 'network', up: { loss: 0.5 }, seed: 7, ms: 60_000 });
    await simulate({ op: 'turn-only', ms: 1 });
    await sleep(20);
    await ann.offer(sections(['audio', 'video'], 1), { reset: true, ufrag: 'next' });
    const [, , again, ...others] = impaired();
    expect(others).toEqual([]);
    expect(again).toMatchObject({ up: { loss: 0.5 }, down: null, seed: 7 });
    expect(again!.id).not.toBe(id());
    expect(again!.ms).toBeLessThan(60_000);
    expect(again!.ms).toBeGreaterThan(30_000);
    expect(again).not.toHaveProperty('passes');
    // Who joins anew begins with a good one.
    await MediaClient.join(server, 'ann', sections(['audio', 'video'], 1), { grants });
    expect(impaired()).toHaveLength(3);
  });

  test('of ice-fail ends with a restart of ICE, and with a new connection', async () => {
    await simulate({ op: 'ice-fail' });
    await ann.offer(sections(['audio', 'video'], 1), { reset: true, ufrag: 'next' });
    expect(impaired()).toHaveLength(1);
    await simulate({ op: 'ice-fail' });
    await ann.offer(sections(['audio', 'video'], 1), { ufrag: 'then' });
    expect(plane.current.last('sfu.change').ice).toBeDefined();
    await ann.offer(sections(['audio', 'video'], 1), { reset: true, ufrag: 'last' });
    expect(impaired()).toHaveLength(2);
  });

  test('needs a media connection, and a room whose media passes here', async () => {
    const sue = await MediaClient.join(server, 'sue', [], { grants });
    for (const op of ['network', 'ice-fail', 'ice-tcp', 'turn-only']) {
      const reply = await sue.client.request({ type: 'simulate', op });
      expect(reply).toMatchObject({ reason: 'NOT_FOUND' });
    }
    const p2p = await Harness.start();
    const { client } = await p2p.join('ann', { grants });
    for (const op of ['network', 'speaker']) {
      const reply = await client.request({ type: 'simulate', op });
      expect(reply).toMatchObject({ reason: 'BAD_MESSAGE' });
    }
    expect(await client.request({ type: 'simulate', op: 'lift' })).toMatchObject({ type: 'ok' });
    await p2p.stop();
  });
});

describe('speaker', () => {
  test('everybody hears of it, louder than who really speaks, until its time is over', async () => {
    await simulate({ op: 'speaker', ms: 150 });
    expect(await bob.client.next('speakers')).toMatchObject({ speakers: [speaks(ann.sid)] });
    const { publication } = plane.current.all('sfu.open')[1]!.media.publications[0]!;
    const room = plane.current.all('sfu.open')[0]!.room;
    const loud = { publication, level: 0.5, active: true };
    plane.emit({ type: 'sfu.speakers', room, speakers: [loud] });
    expect(await bob.client.next('speakers')).toMatchObject({
      speakers: [speaks(ann.sid), { sid: bob.sid, level: 0.5 }],
    });
    expect(await bob.client.next('speakers')).toMatchObject({
      speakers: [{ sid: bob.sid, level: 0.5 }],
    });
  });

  test('ends when it is lifted, and when the participant leaves', async () => {
    await simulate({ op: 'speaker', ms: 60_000 });
    await bob.client.next('speakers');
    await simulate({ op: 'lift' });
    expect(await bob.client.next('speakers')).toMatchObject({ speakers: [] });
    const mute = await MediaClient.join(server, 'mute', sections(['video'], 0), { grants });
    await mute.client.request({ type: 'simulate', op: 'speaker', ms: 60_000 });
    expect(await bob.client.next('speakers')).toMatchObject({ speakers: [speaks(mute.sid)] });
    mute.client.send({ type: 'leave' });
    expect(await bob.client.next('speakers')).toMatchObject({ speakers: [] });
  });

  test('is nobody whom the others may not know of', async () => {
    const eve = await server.join('eve', { grants: { ...grants, hidden: true } });
    const reply = await eve.client.request({ type: 'simulate', op: 'speaker' });
    expect(reply).toMatchObject({ reason: 'NOT_ALLOWED' });
  });
});

test('a server does it to anybody, whatever its token grants', () => {
  expect(run('bob', { op: 'network', down: { loss: 1 } })).toEqual({ op: 'network', ms: 30_000 });
  expect(run(bob.sid, { op: 'speaker', ms: 10 })).toEqual({ op: 'speaker', ms: 10 });
  expect(run('bob', { op: 'node-drain', ms: 10 })).toMatchObject({
    reason: 'BAD_MESSAGE',
    message: 'ms: not with op node-drain',
  });
  expect(run('nobody', { op: 'lift' })).toMatchObject({ reason: 'NOT_FOUND' });
  expect(impaired()).toMatchObject([{ id: plane.current.all('sfu.open')[1]!.id }]);
});
