// What the room routes do: the token must grant roomAdmin, for that room or for all; then a room is made, or asked what
// its media does. Signaling's refusals become HTTP ones by the one table of codes.
// Called by: server.ts, which hands it to the gateway.

import { GatewayProblem } from '../gateway/problem.ts';
import type { CreateRoom, TellRoomStats } from '../gateway/routes/rooms.ts';
import { SternaError } from '../shared/errors.ts';
import type { CreateRoomOptions, SignalingServer, StatsFailure } from '../signaling/index.ts';
import { CODES } from '../signaling/codes.ts';
import type { Reason } from '../signaling/codes.ts';
import { checkRoomAdmin, problem } from './admin-token.ts';
import { audited } from './audit/audit.ts';
import type { Audit } from './audit/audit.ts';

export function createRoomFor(signaling: SignalingServer, audit: Audit): CreateRoom {
  return async (token, { name, maxParticipants, emptyTimeoutSeconds, metadata }) => {
    const actor = checkRoomAdmin(signaling.tokens, token, name);
    const options: CreateRoomOptions = {
      name,
      ...(maxParticipants === undefined ? {} : { maxParticipants }),
      ...(emptyTimeoutSeconds === undefined ? {} : { emptyTimeoutMs: emptyTimeoutSeconds * 1000 }),
      ...(metadata === undefined ? {} : { meta: metadata }),
    };
    const created = signaling.rooms.get(name) === undefined;
    const target = { room: name, created };
    return audited(audit, { actor, action: 'room.create', target }, () => {
      try {
        return { created, room: signaling.rooms.create(options).info() };
      } catch (error) {
        if (error instanceof SternaError && isReason(error.code)) {
          throw problem(error.code, error.message);
        }
        throw error;
      }
    });
  };
}

export function tellRoomStatsOf({ tokens, roomStats }: SignalingServer): TellRoomStats {
  return async (token, room, participant) => {
    checkRoomAdmin(tokens, token, room);
    const stats =
      participant === undefined
        ? await roomStats.room(room)
        : await roomStats.participant(room, participant);
    if (typeof stats === 'string') throw statsProblem(stats);
    return stats;
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
