// Whether a token may operate: it must grant roomAdmin, for the room in question or, where the whole server is meant,
// for all rooms; then it says who acts. Signaling's refusals become HTTP ones by the one table of codes.
// Called by: the APIs of the server entry.

import { GatewayProblem } from '../gateway/problem.ts';
import { CODES } from '../signaling/codes.ts';
import type { Reason } from '../signaling/codes.ts';
import type { SignalingServer, VerifiedToken } from '../signaling/index.ts';
import { tokenActor } from './audit/audit.ts';
import type { Actor } from './audit/audit.ts';

type Tokens = SignalingServer['tokens'];

/** @throws GatewayProblem */
export function checkRoomAdmin(tokens: Tokens, token: string, name: string): Actor {
  const verified = adminsToken(tokens, token);
  const { room } = verified.grants;
  if (room !== undefined && room !== name) {
    throw problem('NOT_ALLOWED', 'The token is for another room');
  }
  return tokenActor(verified);
}

/** A moderator of one room has no say about the server. @throws GatewayProblem */
export function checkServerAdmin(tokens: Tokens, token: string): Actor {
  const verified = adminsToken(tokens, token);
  if (verified.grants.room !== undefined) {
    throw problem('NOT_ALLOWED', 'The token is for one room, and this is about the server');
  }
  return tokenActor(verified);
}

export function problem(
  reason: Reason,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): GatewayProblem {
  const { http } = CODES[reason];
  const challenge = http === 401 ? { 'www-authenticate': 'Bearer error="invalid_token"' } : {};
  return new GatewayProblem(http, reason, `${message}.`, { ...challenge, ...headers });
}

function adminsToken(tokens: Tokens, token: string): VerifiedToken {
  const verified = tokens.check(token);
  if ('reason' in verified) throw problem(verified.reason, verified.message);
  if (verified.grants.roomAdmin) return verified;
  throw problem('NOT_ALLOWED', 'The token does not grant roomAdmin');
}
