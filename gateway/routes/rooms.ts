// POST /v1/rooms: creates a room ahead of its first participant. The bearer is a token that grants roomAdmin.
// Called by: http-server.ts; who may do it and what a room is are the callback's business.

import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { METADATA_MAX, NAME_MAX } from '../limits.ts';
import { GatewayProblem } from '../problem.ts';
import { parseBody } from './body.ts';

const roomRequest = z.strictObject({
  name: z.string().min(1).max(NAME_MAX),
  /** The server's default when left out. */
  maxParticipants: z.int().min(1).max(1000).optional(),
  /** How long the room lives without participants. */
  emptyTimeoutSeconds: z.int().min(0).max(86_400).optional(),
  metadata: z.string().max(METADATA_MAX).optional(),
});

type RoomRequest = z.output<typeof roomRequest>;

interface RoomResult {
  created: boolean;
  /** The answer's body. */
  room: object;
}

/** @throws GatewayProblem when the token does not allow it or there is no capacity. */
export type CreateRoom = (token: string, request: RoomRequest) => RoomResult | Promise<RoomResult>;

export function roomRoutes(app: FastifyInstance, createRoom: CreateRoom): void {
  app.post('/v1/rooms', async (request, reply) => {
    const token = bearerOf(request.headers.authorization);
    const { created, room } = await createRoom(token, parseBody(roomRequest, request.body));
    return reply.code(created ? 201 : 200).send(room);
  });
}

/** The token of RFC 6750 s2.1. */
function bearerOf(authorization: string | undefined): string {
  const token = /^Bearer ([\w.~+/-]{1,8192}=*) *$/i.exec(authorization ?? '')?.[1];
  if (token !== undefined) return token;
  throw new GatewayProblem(
    401,
    'TOKEN_INVALID',
    'Send "Authorization: Bearer <token>" with a token that grants roomAdmin (sterna token --admin).',
    { 'www-authenticate': 'Bearer' },
  );
}
