import { beforeEach, describe, expect, test } from 'vitest';
import { DEFAULT_SIGNALING_LIMITS } from '../../../signaling/limits.ts';
import { Participant } from '../../../signaling/participant.ts';
import type { Refusal } from '../../../signaling/refusal.ts';
import type { Member } from '../../../signaling/room.ts';
import { Rooms } from '../../../signaling/rooms.ts';
import { keptLog, testClock } from './test-clock.ts';
import type { KeptLog, TestClock } from './test-clock.ts';
import { matching, objectWith } from './matchers.ts';

interface TestMember extends Member {
  pushes: string[];
  dismissed: Refusal[];
}

function member(identity: string, options: { sid?: string; hidden?: boolean } = {}): TestMember {
  const perm = {
    canPublish: true,
    canSubscribe: true,
    canPublishData: true,
    roomAdmin: false,
    hidden: options.hidden ?? false,
  };
  const sid = options.sid ?? `PA_${identity}`;
  const participant = new Participant({ sid, identity, name: identity, joinedAt: 0, perm });
  const pushes: string[] = [];
  const dismissed: Refusal[] = [];
  return {
    participant,
    pushes,
    dismissed,
    push: (body) => void pushes.push(body.toString()),
    dismiss: (why) => void dismissed.push(why),
  };
}

let clock: TestClock;
let log: KeptLog;
let rooms: Rooms<TestMember>;

beforeEach(() => {
  clock = testClock();
  log = keptLog();
  rooms = new Rooms(clock, log.log, {
    ...DEFAULT_SIGNALING_LIMITS,
    maxRooms: 3,
    emptyRoomMs: 1000,
  });
});

describe('create', () => {
  test('makes a room with its settings and defaults', () => {
    const room = rooms.create({ name: 'a', maxParticipants: 2, meta: 'm' });
    expect(room.info()).toEqual({
      sid: matching(/^RM_[\w-]{16}$/),
      name: 'a',
      meta: 'm',
      createdAt: clock.unix,
      maxParticipants: 2,
      mode: 'p2p',
    });
    expect(rooms.create({ name: 'b' }).info()).toMatchObject({ maxParticipants: 100, meta: '' });
    expect(log.events()).toEqual(['room.created', 'room.created']);
  });

  test('is idempotent by name: the room stays as it was', () => {
    const room = rooms.create({ name: 'a', maxParticipants: 2 });
    expect(rooms.create({ name: 'a', maxParticipants: 9 })).toBe(room);
    expect(rooms.join('a')).toBe(room);
    expect(room.maxParticipants).toBe(2);
    expect(rooms.list()).toEqual([room]);
  });

  test('is bounded: create says ROOM_FULL, a join gets none', () => {
    for (const name of ['a', 'b', 'c']) rooms.create({ name });
    expect(() => rooms.create({ name: 'd' })).toThrow(objectWith({ code: 'ROOM_FULL' }));
    expect(rooms.join('d')).toBeNull();
    expect(rooms.join('c')?.name).toBe('c');
  });

  test.each([
    [{ name: '' }, 'name: '],
    [{ name: 'x'.repeat(129) }, 'name: '],
    [{ name: 'a\0' }, 'name: '],
    [{ name: 'a', maxParticipants: 0 }, 'maxParticipants: expected an integer from 1 to 10000'],
    [{ name: 'a', maxParticipants: 1.5 }, 'maxParticipants: '],
    [{ name: 'a', emptyTimeoutMs: -1 }, 'emptyTimeoutMs: '],
    [{ name: 'a', meta: 'é'.repeat(8193) }, 'meta: expected at most 16384 bytes'],
  ])('refuses %o', (options, message) => {
    expect(() => rooms.create(options)).toThrow(message);
    expect(rooms.size).toBe(0);
  });
});

describe('empty time-out', () => {
  test('counts from creation, and anew from when the last one leaves', () => {
    const room = rooms.create({ name: 'a' });
    clock.advance(999);
    rooms.sweep(clock.now);
    expect(rooms.get('a')).toBe(room);
    const ann = member('ann');
    room.add(ann);
    clock.advance(100_000);
    rooms.sweep(clock.now);
    room.remove(ann, 'LEFT');
    clock.advance(999);
    rooms.sweep(clock.now);
    expect(rooms.get('a')).toBe(room);
    clock.advance(1);
    rooms.sweep(clock.now);
    expect(rooms.get('a')).toBeUndefined();
    expect(log.events()).toEqual(['room.created', 'room.ended']);
  });

  test('is the room’s own where it was given', () => {
    rooms.create({ name: 'a', emptyTimeoutMs: 5000 });
    rooms.create({ name: 'b', emptyTimeoutMs: 0 });
    rooms.sweep(clock.now);
    expect(rooms.list().map(({ name }) => name)).toEqual(['a']);
  });
});

describe('end', () => {
  test('dismisses everybody, and nobody is told of the others', () => {
    const room = rooms.create({ name: 'a' });
    const [ann, bob] = [member('ann'), member('bob')];
    room.add(ann);
    room.add(bob);
    room.feed.flush();
    ann.pushes.length = 0;
    expect(rooms.end('a')).toBe(true);
    expect(rooms.end('a')).toBe(false);
    for (const { dismissed } of [ann, bob]) {
      expect(dismissed).toEqual([{ reason: 'ROOM_ENDED', message: 'The room has ended' }]);
    }
    expect(ann.pushes).toEqual([]);
    expect([room.size, rooms.size]).toEqual([0, 0]);
  });
});

describe('members', () => {
  test('who comes, who goes and what is changed makes another revision', () => {
    const room = rooms.create({ name: 'a' });
    const ann = member('ann');
    const revisions = [room.revision];
    for (const change of [
      () => room.add(ann),
      () => room.update({ maxParticipants: 7 }),
      () => room.remove(ann, 'LEFT'),
    ]) {
      change();
      revisions.push(room.revision);
    }
    expect(new Set(revisions).size).toBe(4);
    room.remove(ann, 'LEFT');
    expect(room.revision).toBe(revisions.at(-1));
  });

  test('are found by identity, and by sid unless hidden', () => {
    const room = rooms.create({ name: 'a' });
    const [ann, ghost] = [member('ann'), member('ghost', { hidden: true })];
    room.add(ann);
    room.add(ghost);
    expect(room.withIdentity('ghost')).toBe(ghost);
    expect(room.visible('PA_ann')).toBe(ann);
    expect(room.visible('PA_ghost')).toBeUndefined();
    expect(room.othersJson('PA_x')).toEqual([ann.participant.json]);
    expect(room.othersJson('PA_ann')).toEqual([]);
  });

  test('fill the room, but one that takes over its own identity fits', () => {
    const room = rooms.create({ name: 'a', maxParticipants: 1 });
    room.add(member('ann'));
    expect(room.hasPlaceFor('bob')).toBe(false);
    expect(room.hasPlaceFor('ann')).toBe(true);
  });

  test('removing an old member leaves the new one of the same identity', () => {
    const room = rooms.create({ name: 'a' });
    const [first, second] = [member('ann', { sid: 'PA_1' }), member('ann', { sid: 'PA_2' })];
    room.add(first);
    room.add(second);
    room.remove(first, 'DUPLICATE_IDENTITY');
    room.remove(first, 'LEFT');
    expect(room.withIdentity('ann')).toBe(second);
    expect(room.size).toBe(1);
  });

  test('broadcast leaves out the sender', () => {
    const room = rooms.create({ name: 'a' });
    const [ann, bob] = [member('ann'), member('bob')];
    room.add(ann);
    room.add(bob);
    room.broadcast(Buffer.from('x'), 'PA_ann');
    expect([ann.pushes, bob.pushes]).toEqual([[], ['x']]);
  });
});
