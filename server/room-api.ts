// What the room routes do: a room is made, or asked what its media does.
// Called by: server.ts, which hands it to the gateway.

import { z } from 'zod';
import { GatewayProblem } from '../gateway/problem.ts';
import { participantStats, roomInfo, roomStats } from '../gateway/routes/rooms.ts';
import type { RoomResult, RoomsApi } from '../gateway/routes/rooms.ts';
import { SternaError } from '../shared/errors.ts';
import type { SignalingServer, StatsFailure } from '../signaling/index.ts';
import { CODES } from '../signaling/codes.ts';
import type { Reason } from '../signaling/codes.ts';
import { problem } from './api-problem.ts';
import type { RoomPlaces } from './room-places.ts';

const creation = z.object({
  name: z.string(),
  maxParticipants: z.number().optional(),
  emptyTimeoutSeconds: z.number().optional(),
  metadata: z.string().optional(),
});
const oneRoom = z.object({ room: z.string() });
const oneParticipant = z.object({ room: z.string(), participant: z.string() });

export function roomsApiOf(signaling: SignalingServer, places: RoomPlaces): RoomsApi {
  const stats = signaling.roomStats;
  const create = places.offer({
    name: 'room.create',
    args: creation,
    result: z.object({ created: z.boolean(), room: roomInfo }),
    makes: true,
    run: (request) => createHere(signaling, places, request),
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
    create: (_caller, request) => create(request.name, request),
    roomStats: (room) => statsOfRoom(room, { room }),
    participantStats: (room, participant) => statsOfParticipant(room, { room, participant }),
  };
}

function createHere(
  { rooms }: SignalingServer,
  places: RoomPlaces,
  request: z.output<typeof creation>,
): RoomResult {
  const { name, maxParticipants, emptyTimeoutSeconds, metadata } = request;
  const options = {
    ...(maxParticipants === undefined ? {} : { maxParticipants }),
    ...(emptyTimeoutSeconds === undefined ? {} : { emptyTimeoutMs: emptyTimeoutSeconds * 1000 }),
    ...(metadata === undefined ? {} : { meta: metadata }),
  };
  const created = rooms.get(name) === undefined;
  try {
    const room = rooms.create({ name, ...options }).info();
    if (created) places.describe(name, options);
    return { created, room };
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
