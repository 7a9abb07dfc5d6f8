// POST /dev/token: join tokens for the meeting page, in development mode only. It needs no credentials, so it
// answers only where no other page can reach it: under a loopback Host (a rebound DNS name is none) and to
// its own origin.
// Called by: http-server.ts.

import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { NAME_MAX } from '../limits.ts';
import { isLoopbackHost } from '../loopback-host.ts';
import { GatewayProblem } from '../problem.ts';
import { defineRoute } from '../route.ts';
import type { Route } from '../route.ts';

const tokenRequest = z.strictObject({
  room: z.string().min(1).max(NAME_MAX),
  identity: z.string().min(1).max(NAME_MAX),
  name: z.string().max(NAME_MAX).optional(),
});

export type TokenRequest = z.output<typeof tokenRequest>;
export type MintToken = (request: TokenRequest) => string;

export function devTokenRoute(mintToken: MintToken): Route {
  return defineRoute({
    method: 'POST',
    path: '/dev/token',
    summary:
      'Mints a join token for the meeting page, in development mode and on this machine only.',
    access: 'address',
    body: tokenRequest,
    response: { 200: z.object({ token: z.string() }) },
    guard: (request) => {
      if (isOwnPage(request)) return;
      throw new GatewayProblem(
        404,
        'NOT_FOUND',
        'Tokens are made here only for the page itself, opened as http://127.0.0.1 or localhost.',
      );
    },
    handler: ({ body, reply }) => reply(200, { token: mintToken(body) }),
  });
}

/** A browser always sends Origin with a POST; a program on this machine sends none. */
function isOwnPage({ headers, protocol }: FastifyRequest): boolean {
  const { host, origin } = headers;
  if (!isLoopbackHost(host)) return false;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return false;
  return origin === undefined || origin === `${protocol}://${host}`;
}
