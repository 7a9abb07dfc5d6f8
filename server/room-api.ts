// What the room routes do: a room is made, or asked what its media does.
// Called by: server.ts, which hands it to the gateway.

import { GatewayProblem } from '../gateway/problem.ts';
import type { RoomRequest, RoomResult, RoomsApi } from '../gateway/routes/rooms.ts';
import { SternaError } from '../shared/errors.ts';
import type { CreateRoomOptions, SignalingServer, StatsFailure } from '../signaling/index.ts';
import { CODES } from '../signaling/codes.ts';
import type { Reason } from '../signaling/codes.ts';
import { problem } from './api-problem.ts';

export function roomsApiOf({ rooms, roomStats }: SignalingServer): RoomsApi {
  return {
    create: (_caller, request) => create(rooms, request),
    find: (room) => rooms.get(room),
    roomStats: async (room) => told(await roomStats.room(room)),
    participantStats: async (room, participant) =>
      told(await roomStats.participant(room, participant)),
  };
}

function create(rooms: SignalingServer['rooms'], request: RoomRequest): RoomResult {
  const { name, maxParticipants, emptyTimeoutSeconds, metadata } = request;
  const options: CreateRoomOptions = {
    name,
    ...(maxParticipants === undefined ? {} : { maxParticipants }),
    ...(emptyTimeoutSeconds === undefined ? {} : { emptyTimeoutMs: emptyTimeoutSeconds * 1000 }),
    ...(metadata === undefined ? {} : { meta: metadata }),
  };
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
