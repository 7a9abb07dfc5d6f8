// What POST /v1/rooms does: the token must grant roomAdmin, for that room or for all; then the room is made.
// Signaling's refusals become HTTP ones by the one table of codes.
// Called by: server.ts, which hands it to the gateway.

import { GatewayProblem } from '../gateway/problem.ts';
import type { CreateRoom } from '../gateway/routes/rooms.ts';
import { SternaError } from '../shared/errors.ts';
import type { CreateRoomOptions, SignalingServer } from '../signaling/index.ts';
import { CODES } from '../signaling/codes.ts';
import type { Reason } from '../signaling/codes.ts';

export function createRoomFor(signaling: SignalingServer): CreateRoom {
  return (token, { name, maxParticipants, emptyTimeoutSeconds, metadata }) => {
    const verified = signaling.tokens.check(token);
    if ('reason' in verified) throw problem(verified.reason, verified.message);
    const { roomAdmin, room } = verified.grants;
    if (!roomAdmin) throw problem('NOT_ALLOWED', 'The token does not grant roomAdmin');
    if (room !== undefined && room !== name) {
      throw problem('NOT_ALLOWED', 'The token is for another room');
    }
    const options: CreateRoomOptions = {
      name,
      ...(maxParticipants === undefined ? {} : { maxParticipants }),
      ...(emptyTimeoutSeconds === undefined ? {} : { emptyTimeoutMs: emptyTimeoutSeconds * 1000 }),
      ...(metadata === undefined ? {} : { meta: metadata }),
    };
    const created = signaling.rooms.get(name) === undefined;
    try {
      return { created, room: signaling.rooms.create(options).info() };
    } catch (error) {
      if (error instanceof SternaError && isReason(error.code)) {
        throw problem(error.code, error.message);
      }
      throw error;
    }
  };
}

function isReason(code: string): code is Reason {
  return Object.hasOwn(CODES, code);
}

function problem(reason: Reason, message: string): GatewayProblem {
  const challenge = { 'www-authenticate': 'Bearer error="invalid_token"' };
  const { http } = CODES[reason];
  return new GatewayProblem(http, reason, `${message}.`, http === 401 ? challenge : {});
}
