// What the room routes do: the token must grant roomAdmin, for that room or for all; then a room is made, or asked what
// its media does. Signaling's refusals become HTTP ones by the one table of codes.
// Called by: server.ts, which hands it to the gateway.

import { z } from 'zod';
import { GatewayProblem } from '../gateway/problem.ts';
import type { CreateRoom, TellRoomStats } from '../gateway/routes/rooms.ts';
import { SternaError } from '../shared/errors.ts';
import type { SignalingServer, StatsFailure } from '../signaling/index.ts';
import { CODES } from '../signaling/codes.ts';
import type { Reason } from '../signaling/codes.ts';
import { checkRoomAdmin, problem } from './admin-token.ts';
import type { RoomPlaces } from './room-places.ts';

const creation = z.object({
  name: z.string(),
  maxParticipants: z.number().optional(),
  emptyTimeoutMs: z.number().optional(),
  meta: z.string().optional(),
});
const created = z.object({ created: z.boolean(), room: z.looseObject({}) });
const question = z.object({ room: z.string(), participant: z.string().optional() });

type Creation = z.output<typeof creation>;

export function createRoomFor(signaling: SignalingServer, places: RoomPlaces): CreateRoom {
  const create = places.offer({
    name: 'room.create',
    args: creation,
    result: created,
    makes: true,
    run: (options) => createHere(signaling, places, options),
  });
  return (token, { name, maxParticipants, emptyTimeoutSeconds, metadata }) => {
    checkRoomAdmin(signaling.tokens, token, name);
    return create(name, {
      name,
      ...(maxParticipants === undefined ? {} : { maxParticipants }),
      ...(emptyTimeoutSeconds === undefined ? {} : { emptyTimeoutMs: emptyTimeoutSeconds * 1000 }),
      ...(metadata === undefined ? {} : { meta: metadata }),
    });
  };
}

function createHere(
  { rooms }: SignalingServer,
  places: RoomPlaces,
  { name, maxParticipants, emptyTimeoutMs, meta }: Creation,
): z.output<typeof created> {
  const isNew = rooms.get(name) === undefined;
  const options = {
    ...(maxParticipants === undefined ? {} : { maxParticipants }),
    ...(emptyTimeoutMs === undefined ? {} : { emptyTimeoutMs }),
    ...(meta === undefined ? {} : { meta }),
  };
  try {
    const room = rooms.create({ name, ...options }).info();
    if (isNew) places.describe(name, options);
    return { created: isNew, room: { ...room } };
  } catch (error) {
    if (error instanceof SternaError && isReason(error.code)) {
      throw problem(error.code, error.message);
    }
    throw error;
  }
}

export function tellRoomStatsOf(
  { tokens, roomStats }: SignalingServer,
  places: RoomPlaces,
): TellRoomStats {
  const ask = places.offer({
    name: 'room.stats',
    args: question,
    result: z.looseObject({}),
    run: async ({ room, participant }) => {
      const stats =
        participant === undefined
          ? await roomStats.room(room)
          : await roomStats.participant(room, participant);
      if (typeof stats === 'string') throw statsProblem(stats);
      return { ...stats };
    },
  });
  return async (token, room, participant) => {
    checkRoomAdmin(tokens, token, room);
    return ask(room, { room, ...(participant === undefined ? {} : { participant }) });
  };
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
