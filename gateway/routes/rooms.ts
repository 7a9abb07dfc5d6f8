// Rooms over HTTP: POST /v1/rooms creates one ahead of its first participant, GET .../stats tells of its media. The
// bearer is a token that grants roomAdmin.
// Called by: http-server.ts; who may do it and what a room is are the callbacks' business.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { bearerOf } from '../bearer.ts';
import { METADATA_MAX, NAME_MAX } from '../limits.ts';
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

/**
 * Of one participant, by sid or identity, or of all; what it resolves with is the answer's body. Rejects with a
 * GatewayProblem when the token does not allow it, or there is nothing to tell.
 */
export type TellRoomStats = (token: string, room: string, participant?: string) => Promise<object>;

export function roomRoutes(app: FastifyInstance, createRoom: CreateRoom): void {
  app.post('/v1/rooms', async (request, reply) => {
    const token = bearerOf(request);
    const { created, room } = await createRoom(token, parseBody(roomRequest, request.body));
    return reply.code(created ? 201 : 200).send(room);
  });
}

interface StatsRoute {
  Params: { room: string; participant?: string };
}

/** A path of `roomStatsRoutes`. */
export const STATS_PATH = /^\/v1\/rooms\/[^/]+\/(?:participants\/[^/]+\/)?stats$/;

export function roomStatsRoutes(app: FastifyInstance, tellStats: TellRoomStats): void {
  const answer = async (
    request: FastifyRequest<StatsRoute>,
    reply: FastifyReply,
  ): Promise<FastifyReply> => {
    const { room, participant } = request.params;
    const stats = await tellStats(bearerOf(request), room, participant);
    return reply.header('cache-control', 'no-store').send(stats);
  };
  app.get<StatsRoute>('/v1/rooms/:room/stats', answer);
  app.get<StatsRoute>('/v1/rooms/:room/participants/:participant/stats', answer);
}
