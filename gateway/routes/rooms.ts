// Rooms over HTTP: POST /v1/rooms creates one ahead of its first participant, GET .../stats tells of its media.
// Called by: http-server.ts; what a room is is the callbacks' business.

import { z } from 'zod';
import type { Caller } from '../caller.ts';
import { METADATA_MAX, NAME_MAX } from '../limits.ts';
import { defineRoute } from '../route.ts';
import type { Route } from '../route.ts';

const roomRequest = z.strictObject({
  name: z.string().min(1).max(NAME_MAX),
  /** The server's default when left out. */
  maxParticipants: z.int().min(1).max(1000).optional(),
  /** How long the room lives without participants. */
  emptyTimeoutSeconds: z.int().min(0).max(86_400).optional(),
  metadata: z.string().max(METADATA_MAX).optional(),
});

export const roomInfo = z.object({
  sid: z.string(),
  name: z.string(),
  meta: z.string(),
  /** Unix time, milliseconds. */
  createdAt: z.number(),
  maxParticipants: z.int(),
  mode: z.enum(['p2p', 'sfu']),
});

export const participantStats = z.object({
  participant: z.object({
    sid: z.string(),
    identity: z.string(),
    name: z.string(),
    state: z.string(),
    joinedAt: z.number(),
  }),
  transport: z.unknown(),
  tracks: z.array(z.unknown()),
  subscriptions: z.array(z.unknown()),
});

export const roomStats = z.object({
  room: z.object({ sid: z.string(), name: z.string() }),
  total: z.int(),
  participants: z.array(participantStats),
});

export type RoomRequest = z.output<typeof roomRequest>;
export type RoomInfo = z.output<typeof roomInfo>;

export interface RoomResult {
  created: boolean;
  room: RoomInfo;
}

/** What is refused is thrown, or rejected with, as GatewayProblem. */
export interface RoomsApi {
  create(caller: Caller, request: RoomRequest): Promise<RoomResult>;
  roomStats(room: string): Promise<z.output<typeof roomStats>>;
  /** By sid or identity. */
  participantStats(room: string, participant: string): Promise<z.output<typeof participantStats>>;
}

/** @param refuse why no new room is taken on right now */
export function roomRoutes(api: RoomsApi, refuse: () => Error | undefined): Route[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/v1/rooms',
      summary: 'Creates a room ahead of its first participant; one that is there stays as it is.',
      access: 'room-create',
      body: roomRequest,
      roomOf: ({ name }) => name,
      response: { 200: roomInfo, 201: roomInfo },
      handler: async ({ body, caller, reply }) => {
        const problem = refuse();
        if (problem) throw problem;
        const { created, room } = await api.create(caller, body);
        return reply(created ? 201 : 200, room);
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/rooms/{room}/stats',
      summary: 'What media of a room does at this moment.',
      access: 'room-admin',
      params: z.object({ room: z.string() }),
      response: { 200: roomStats },
      handler: async ({ params, reply }) => reply(200, await api.roomStats(params.room)),
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/rooms/{room}/participants/{participant}/stats',
      summary: 'What media of one participant does at this moment, by its sid or identity.',
      access: 'room-admin',
      params: z.object({ room: z.string(), participant: z.string() }),
      response: { 200: participantStats },
      handler: async ({ params, reply }) =>
        reply(200, await api.participantStats(params.room, params.participant)),
    }),
  ];
}
