// What the room routes do: a room is made, or asked what its media does.
// Called by: server.ts, which hands it to the gateway.

import { z } from 'zod';
import { GatewayProblem } from '../gateway/problem.ts';
import { participantStats, roomInfo, roomList, roomStats } from '../gateway/routes/rooms.ts';
import type { RoomChange, RoomList, RoomResult, RoomsApi } from '../gateway/routes/rooms.ts';
import { SternaError } from '../shared/errors.ts';
import { describeRoom } from '../signaling/index.ts';
import type { CreateRoomOptions, SignalingServer, StatsFailure } from '../signaling/index.ts';
import { CODES } from '../signaling/codes.ts';
import type { Reason } from '../signaling/codes.ts';
import { problem } from './api-problem.ts';
import type { Audit } from './audit/audit.ts';
import { audited } from './audit/audited.ts';
import { run } from './room-commands.ts';
import type { RoomOwner } from './room-commands.ts';
import type { RoomPlaces } from './room-places.ts';

const creation = z.object({
  name: z.string(),
  maxParticipants: z.number().optional(),
  emptyTimeoutMs: z.number().optional(),
  meta: z.string().optional(),
});
const page = z.object({ after: z.string().optional(), limit: z.int().min(1) });
const oneRoom = z.object({ room: z.string() });
const oneParticipant = z.object({ room: z.string(), participant: z.string() });

type Creation = z.output<typeof creation>;

export function roomsApiOf(
  owner: RoomOwner,
  places: RoomPlaces,
  signaling: SignalingServer,
  audit: Audit,
): RoomsApi {
  const { rooms, roomStats: stats } = signaling;
  const create = places.offer({
    name: 'room.create',
    args: creation,
    result: z.object({ created: z.boolean(), room: roomInfo }),
    makes: true,
    run: (options) => createHere(rooms, places, options),
  });
  const list = places.offerAll({
    name: 'room.list',
    args: page,
    result: roomList,
    run: ({ after, limit }) => pageOf(rooms.list().map(describeRoom), after, limit),
  });
  const statsOfRoom = places.offer({
    name: 'room.stats',
    args: oneRoom,
    result: roomStats,
    run: async ({ room }) => told(await stats.room(room)),
  });
  const statsOfParticipant = places.offer({
    name: 'room.participant-stats',
    args: oneParticipant,
    result: participantStats,
    run: async ({ room, participant }) => told(await stats.participant(room, participant)),
  });
  return {
    list: async ({ after, limit }) => {
      const pages = await list({ limit, ...(after === undefined ? {} : { after }) });
      const merged = pageOf(
        pages.flatMap((one) => one.rooms),
        after,
        limit,
      );
      const isWhole = merged.next === null && pages.every(({ next }) => next === null);
      return isWhole ? merged : { ...merged, next: merged.rooms.at(-1)?.name ?? null };
    },
    find: (room) => (places.isHere(room) ? rooms.get(room) : undefined),
    describe: (room) => {
      const found = rooms.get(room);
      return found && describeRoom(found);
    },
    lookUp: (room) => run(owner, { op: 'describe', room }),
    update: (caller, room, change) =>
      audited(audit, caller, 'room.update', { room }, () =>
        run(owner, { op: 'update', room, settings: settingsOf(change) }),
      ),
    end: async (caller, room) => {
      await audited(audit, caller, 'room.end', { room }, () => run(owner, { op: 'end', room }));
    },
    create: (caller, { name, ...settings }) =>
      audited(
        audit,
        caller,
        'room.create',
        { room: name },
        () => create(name, { name, ...settingsOf(settings) }),
        ({ created }) => ({ room: name, created }),
      ),
    roomStats: (room) => statsOfRoom(room, { room }),
    participantStats: (room, participant) => statsOfParticipant(room, { room, participant }),
  };
}

function createHere(
  rooms: SignalingServer['rooms'],
  places: RoomPlaces,
  { name, maxParticipants, emptyTimeoutMs, meta }: Creation,
): RoomResult {
  const settings: Omit<CreateRoomOptions, 'name'> = {
    ...(maxParticipants === undefined ? {} : { maxParticipants }),
    ...(emptyTimeoutMs === undefined ? {} : { emptyTimeoutMs }),
    ...(meta === undefined ? {} : { meta }),
  };
  const created = rooms.get(name) === undefined;
  try {
    const room = rooms.create({ name, ...settings }).info();
    if (created) places.describe(name, settings);
    return { created, room };
  } catch (error) {
    if (error instanceof SternaError && isReason(error.code)) {
      throw problem(error.code, error.message);
    }
    throw error;
  }
}

function settingsOf(change: RoomChange): Omit<CreateRoomOptions, 'name'> {
  const { maxParticipants, emptyTimeoutSeconds, metadata } = change;
  return {
    ...(maxParticipants === undefined ? {} : { maxParticipants }),
    ...(emptyTimeoutSeconds === undefined ? {} : { emptyTimeoutMs: emptyTimeoutSeconds * 1000 }),
    ...(metadata === undefined ? {} : { meta: metadata }),
  };
}

function pageOf(rooms: RoomList['rooms'], after: string | undefined, limit: number): RoomList {
  const later = rooms.filter(({ name }) => after === undefined || name > after);
  const sorted = later.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const some = sorted.slice(0, limit);
  const next = some.length < sorted.length ? (some.at(-1)?.name ?? null) : null;
  return { rooms: some, next };
}

function told<Stats extends object>(stats: Stats | StatsFailure): Stats {
  if (typeof stats === 'string') throw statsProblem(stats);
  return stats;
}

function statsProblem(failure: StatsFailure): GatewayProblem {
  const problems: Readonly<Record<StatsFailure, () => GatewayProblem>> = {
    'no-room': () => problem('NOT_FOUND', 'There is no such room'),
    'no-participant': () => problem('NOT_FOUND', 'There is no such participant in the room'),
    p2p: () =>
      new GatewayProblem(
        409,
        'ROOM_P2P',
        'Media of this room goes from participant to participant; the server sees none of it.',
      ),
    unavailable: () =>
      problem(
        'MEDIA_UNAVAILABLE',
        'The media worker of this room does not answer; one that is dead is started again',
        { 'retry-after': '1' },
      ),
  };
  return problems[failure]();
}

function isReason(code: string): code is Reason {
  return Object.hasOwn(CODES, code);
}
