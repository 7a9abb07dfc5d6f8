// What servers of others ask of a room: it is answered with plain values, and takes effect at once.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RoomAnswers, RoomCommand } from '../../../signaling/index.ts';
import { Harness } from './harness.ts';
import { MediaClient } from './media-client.ts';
import { assertPlane } from './plane-check.ts';
import { RecordedPlane } from './recorded-plane.ts';
import { sections } from './small-offers.ts';

let plane: RecordedPlane;
let server: Harness;
let ann: MediaClient;
beforeEach(async () => {
  plane = new RecordedPlane();
  server = await Harness.start({}, { media: plane });
  ann = await MediaClient.join(server, 'ann', sections(['audio', 'video'], 1));
});
afterEach(async () => {
  await server.stop();
  assertPlane(plane.current.commands);
});

type Rest<Op extends keyof RoomAnswers> = Omit<RoomCommand & { readonly op: Op }, 'op' | 'room'>;

/** As another node would ask: nothing that is not plain crosses over. */
function run<Op extends keyof RoomAnswers>(op: Op, rest: Rest<Op>, room = 'r'): unknown {
  return structuredClone(server.signaling.execute(structuredClone({ op, room, ...rest } as never)));
}

test('a room that is not there is refused whatever is asked', () => {
  expect(run('describe', {}, 'x')).toMatchObject({ reason: 'NOT_FOUND' });
  expect(run('end', {}, 'x')).toMatchObject({ reason: 'NOT_FOUND' });
  expect(server.signaling.rooms.get('x')).toBeUndefined();
});

test('a room is described, and its settings change whole or not at all', async () => {
  expect(run('describe', {})).toMatchObject({ name: 'r', mode: 'sfu', participants: 1 });
  const settings = { meta: 'new', maxParticipants: 1, emptyTimeoutMs: 5000 };
  expect(run('update', { settings })).toMatchObject({
    meta: 'new',
    maxParticipants: 1,
    emptyTimeoutSeconds: 5,
  });
  expect(await ann.client.next('room')).toMatchObject({ room: { name: 'r', meta: 'new' } });
  const wrong = { settings: { meta: 'other', maxParticipants: 0 } };
  expect(run('update', wrong)).toMatchObject({ reason: 'BAD_MESSAGE' });
  expect(run('describe', {})).toMatchObject({ meta: 'new', maxParticipants: 1 });
  const bob = await server.connect();
  const token = server.token('bob');
  expect(await bob.request({ type: 'join', token })).toMatchObject({ reason: 'ROOM_FULL' });
  expect((await server.join('ann')).joined.room.meta).toBe('new');
});

test('its end is told to everybody in it', async () => {
  expect(run('end', {})).toBeNull();
  expect(await ann.client.next('bye')).toMatchObject({ reason: 'ROOM_ENDED', action: 'stop' });
  expect(run('describe', {})).toMatchObject({ reason: 'NOT_FOUND' });
});

test('participants are listed in pages, in the order of their coming, hidden ones too', async () => {
  await server.join('bob');
  const eve = await server.join('eve', { grants: { hidden: true } });
  const first = run('participants', { limit: 2 });
  expect(first).toMatchObject({
    total: 3,
    participants: [{ identity: 'ann' }, { identity: 'bob' }],
  });
  const { next } = first as RoomAnswers['participants'];
  const second = run('participants', { limit: 2, after: next! });
  expect(second).toMatchObject({ participants: [{ identity: 'eve' }], next: null });
  expect(run('participants', { limit: 2, after: 'nonsense' })).toMatchObject({ next: null });
  expect(run('participant', { participant: 'eve' })).toMatchObject({ sid: eve.joined.self.sid });
});

test('a page goes on where it was, although its last one has left', async () => {
  const bob = await server.join('bob');
  await sleep(5);
  await server.join('eve');
  const { next } = run('participants', { limit: 2 }) as RoomAnswers['participants'];
  run('moderate', { participant: bob.joined.self.sid, what: { op: 'kick' } });
  const second = run('participants', { limit: 2, after: next! });
  expect(second).toMatchObject({ participants: [{ identity: 'eve' }] });
});

describe('a participant', () => {
  test('is put out by identity or sid, and its token is good no more', async () => {
    const what = { op: 'kick', reason: 'not today' } as const;
    expect(run('moderate', { participant: 'ann', what })).toBeNull();
    expect(await ann.client.next('bye')).toMatchObject({ reason: 'KICKED', message: 'not today' });
    expect(run('moderate', { participant: 'ann', what })).toMatchObject({ reason: 'NOT_FOUND' });
    expect((await server.resume(ann.joined, 0)).reply).toMatchObject({ reason: 'SESSION_GONE' });
  });

  test('is muted, and the media worker is told', () => {
    const answer = run('moderate', {
      participant: ann.sid,
      what: { op: 'mute', track: ann.track('0') },
    });
    expect(answer).toMatchObject({ tracks: [{ muted: true }, { muted: false }] });
    expect(plane.current.last('sfu.mute')).toMatchObject({ muted: true });
    const wrong = { participant: 'ann', what: { op: 'mute', track: 'TR_x' } } as const;
    expect(run('moderate', wrong)).toMatchObject({ reason: 'NOT_FOUND' });
  });

  test('has its permissions changed', async () => {
    const what = { op: 'permit', perm: { canPublishData: false } } as const;
    expect(run('moderate', { participant: 'ann', what })).toMatchObject({
      perm: { canPublishData: false, canPublish: true },
    });
    const data = { type: 'data', payload: 'aGk=' };
    expect(await ann.client.request(data)).toMatchObject({ reason: 'NOT_ALLOWED' });
  });
});

test('data goes to everybody or to those named, whole or not at all', async () => {
  const bob = await server.join('bob');
  expect(run('send', { payload: 'aGk=', topic: 't' })).toEqual({ recipients: 2 });
  const heard = { from: '', direct: false, topic: 't', payload: 'aGk=' };
  expect(await bob.client.next('data')).toMatchObject(heard);
  expect(await ann.client.next('data')).toMatchObject(heard);
  const to = ['bob', bob.joined.self.sid];
  expect(run('send', { payload: 'eW91', to })).toEqual({ recipients: 1 });
  expect(await bob.client.next('data')).toMatchObject({ direct: true, payload: 'eW91' });
  expect(run('send', { payload: 'eW91', to: ['bob', 'x'] })).toMatchObject({ reason: 'NOT_FOUND' });
  const large = Buffer.alloc(32_769).toString('base64');
  expect(run('send', { payload: large })).toMatchObject({ reason: 'TOO_LARGE' });
});
