// What the room routes do: a room is made, or asked what its media does.
// Called by: server.ts, which hands it to the gateway.

import { GatewayProblem } from '../gateway/problem.ts';
import type {
  RoomChange,
  RoomList,
  RoomRequest,
  RoomResult,
  RoomsApi,
} from '../gateway/routes/rooms.ts';
import { SternaError } from '../shared/errors.ts';
import { describeRoom } from '../signaling/index.ts';
import type { CreateRoomOptions, SignalingServer, StatsFailure } from '../signaling/index.ts';
import { CODES } from '../signaling/codes.ts';
import type { Reason } from '../signaling/codes.ts';
import { problem } from './api-problem.ts';
import { actorOf } from './audit/audit.ts';
import type { Audit } from './audit/audit.ts';
import { audited, run } from './room-commands.ts';

export function roomsApiOf(signaling: SignalingServer, audit: Audit): RoomsApi {
  const { rooms, roomStats } = signaling;
  return {
    list: ({ after, limit }) => list(rooms, after, limit),
    update: (caller, room, change) =>
      audited(audit, caller, 'room.update', { room }, () =>
        run(signaling, { op: 'update', room, settings: settingsOf(change) }),
      ),
    end: async (caller, room) => {
      await audited(audit, caller, 'room.end', { room }, () => run(signaling, { op: 'end', room }));
    },
    create: (caller, request) => {
      const { name: room } = request;
      try {
        const result = create(rooms, request);
        const { created } = result;
        audit.record(actorOf(caller), 'room.create', { room, created }, 'ok');
        return result;
      } catch (error) {
        const reason = error instanceof GatewayProblem ? error.code : 'INTERNAL';
        audit.record(actorOf(caller), 'room.create', { room }, reason);
        throw error;
      }
    },
    roomStats: async (room) => told(await roomStats.room(room)),
    participantStats: async (room, participant) =>
      told(await roomStats.participant(room, participant)),
  };
}

function create(rooms: SignalingServer['rooms'], request: RoomRequest): RoomResult {
  const { name } = request;
  const options: CreateRoomOptions = { name, ...settingsOf(request) };
  const created = rooms.get(name) === undefined;
  try {
    return { created, room: rooms.create(options).info() };
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

function list(rooms: SignalingServer['rooms'], after: string | undefined, limit: number): RoomList {
  const later = rooms.list().filter(({ name }) => after === undefined || name > after);
  const sorted = later.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const some = sorted.slice(0, limit);
  const next = some.length < sorted.length ? (some.at(-1)?.name ?? null) : null;
  return { rooms: some.map(describeRoom), next };
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
