// Who asks, of the routes for servers and operators: the bearer token of RFC 6750 s2.1.
// Called by: the routes; what a token grants is their callbacks' business.

import type { FastifyRequest } from 'fastify';
import { GatewayProblem } from './problem.ts';

/** @throws GatewayProblem 401 */
export function bearerOf({ headers }: Pick<FastifyRequest, 'headers'>): string {
  const token = /^Bearer ([\w.~+/-]{1,8192}=*) *$/i.exec(headers.authorization ?? '')?.[1];
  if (token !== undefined) return token;
  throw new GatewayProblem(
    401,
    'TOKEN_INVALID',
    'Send "Authorization: Bearer <token>" with a token that grants roomAdmin (sterna token --admin).',
    { 'www-authenticate': 'Bearer' },
  );
}
