// Whether a token may operate: it must grant roomAdmin, for the room in question or, where the whole server is meant,
// for all rooms. Signaling's refusals become HTTP ones by the one table of codes.
// Called by: the APIs of the server entry.

import { GatewayProblem } from '../gateway/problem.ts';
import { CODES } from '../signaling/codes.ts';
import type { Reason } from '../signaling/codes.ts';
import type { SignalingServer } from '../signaling/index.ts';

type Tokens = SignalingServer['tokens'];

/** @throws GatewayProblem */
export function checkRoomAdmin(tokens: Tokens, token: string, name: string): void {
  const room = adminsOf(tokens, token);
  if (room !== undefined && room !== name) {
    throw problem('NOT_ALLOWED', 'The token is for another room');
  }
}

/** A moderator of one room has no say about the server. @throws GatewayProblem */
export function checkServerAdmin(tokens: Tokens, token: string): void {
  if (adminsOf(tokens, token) !== undefined) {
    throw problem('NOT_ALLOWED', 'The token is for one room, and this is about the server');
  }
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

/** The room that the token is for; undefined for all. */
function adminsOf(tokens: Tokens, token: string): string | undefined {
  const verified = tokens.check(token);
  if ('reason' in verified) throw problem(verified.reason, verified.message);
  const { roomAdmin, room } = verified.grants;
  if (!roomAdmin) throw problem('NOT_ALLOWED', 'The token does not grant roomAdmin');
  return room;
}
