// Signaling's refusals as HTTP ones, by the one table of codes.
// Called by: the APIs of the server entry.

import { GatewayProblem } from '../gateway/problem.ts';
import { CODES } from '../signaling/codes.ts';
import type { Reason } from '../signaling/codes.ts';

export function problem(
  reason: Reason,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): GatewayProblem {
  const { http } = CODES[reason];
  const challenge = http === 401 ? { 'www-authenticate': 'Bearer error="invalid_token"' } : {};
  return new GatewayProblem(http, reason, `${message}.`, { ...challenge, ...headers });
}
