// Who watches rooms is told of everything once, in order, whichever way it ends.

import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ModerationEvent, RoomEvent } from '../../../signaling/index.ts';
import { Harness } from './harness.ts';
import { MediaClient } from './media-client.ts';
import { RecordedPlane } from './recorded-plane.ts';
import { sections } from './small-offers.ts';

let server: Harness;
let events: RoomEvent[];
let moderations: ModerationEvent[];

beforeEach(async () => {
  events = [];
  moderations = [];
  const observer = {
    onRoomEvent: (event: RoomEvent) => void events.push(structuredClone(event)),
    onModeration: (event: ModerationEvent) => void moderations.push(structuredClone(event)),
  };
  server = await Harness.start({}, { media: new RecordedPlane(), observer });
});
afterEach(async () => server.stop());

/** `participant_joined ann`, `track_published ann camera`, `room_finished ROOM_ENDED`. */
function told(): string[] {
  return events.map((event) => {
    const words: string[] = [event.event];
    if ('participant' in event) words.push(event.participant.identity);
    if ('track' in event) words.push(event.track.source);
    if ('reason' in event) words.push(event.reason);
    return words.join(' ');
  });
}

test('a meeting from its first participant to its end', async () => {
  const ann = await MediaClient.join(server, 'ann', sections(['audio', 'video'], 1));
  const bob = await MediaClient.join(server, 'bob', sections(['audio'], 1));
  bob.client.send({ type: 'leave' });
  await bob.client.close();
  await ann.offer(sections(['audio'], 1), { reset: true });
  server.signaling.rooms.end('r');
  expect(told()).toEqual([
    'room_started',
    'participant_joined ann',
    'track_published ann microphone',
    'track_published ann camera',
    'participant_joined bob',
    'track_published bob microphone',
    'track_unpublished bob microphone',
    'participant_left bob LEFT',
    'track_unpublished ann camera',
    'track_unpublished ann microphone',
    'participant_left ann ROOM_ENDED',
    'room_finished ROOM_ENDED',
  ]);
  expect(new Set(events.map(({ room }) => room.sid)).size).toBe(1);
  expect(events[2]).toMatchObject({
    participant: { sid: ann.sid, identity: 'ann', name: 'ann' },
    track: { sid: ann.track('0'), kind: 'audio' },
  });
});

test('a session that resumes, and media that begin anew, are no news', async () => {
  const ann = await MediaClient.join(server, 'ann', sections(['audio'], 1));
  ann.client.ws.terminate();
  const { client } = await server.resume(ann.joined, 0);
  await new MediaClient(client, ann.joined).offer(sections(['audio'], 1), { reset: true });
  expect(told()).toEqual([
    'room_started',
    'participant_joined ann',
    'track_published ann microphone',
  ]);
});

test('who takes over an identity joins after the other has left, and rehearsals are not told', async () => {
  await server.signaling.rehearse();
  const first = await server.join('ann');
  await server.join('ann');
  await first.client.close();
  expect(told()).toEqual([
    'room_started',
    'participant_joined ann',
    'participant_left ann DUPLICATE_IDENTITY',
    'participant_joined ann',
  ]);
});

test('moderation is told with who did it, also when it came to nothing', async () => {
  const admin = await server.join('admin', { grants: { roomAdmin: true } });
  const ann = await MediaClient.join(server, 'ann', sections(['audio'], 1));
  const mod = (message: object): Promise<unknown> =>
    admin.client.request({ type: 'mod', to: ann.sid, ...message });
  await mod({ op: 'mute' });
  await mod({ op: 'mute', track: 'TR_none' });
  await mod({ op: 'permit', perm: { canPublish: false } });
  await mod({ op: 'kick' });
  // Who may not moderate has not moderated.
  const bob = await server.join('bob');
  await bob.client.request({ type: 'mod', op: 'kick', to: admin.sid });
  expect(moderations.map(({ op, track, perm, refused }) => [op, track, perm, refused])).toEqual([
    ['mute', undefined, undefined, null],
    ['mute', 'TR_none', undefined, 'NOT_FOUND'],
    ['permit', undefined, { canPublish: false }, null],
    ['kick', undefined, undefined, null],
  ]);
  for (const { by, participant, room } of moderations) {
    expect([by.identity, participant.identity, room.name]).toEqual(['admin', 'ann', 'r']);
  }
  expect(told()).toContain('participant_left ann KICKED');
});
