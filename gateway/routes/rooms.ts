// Rooms over HTTP: made ahead of their first participant, listed, changed and ended; GET .../stats tells of their
// media. Called by: http-server.ts; what a room is is the callbacks' business.

import { z } from 'zod';
import { Coalesced } from '../../shared/coalesced.ts';
import type { Caller } from '../caller.ts';
import { conditional, nothing } from '../conditional.ts';
import { exchangeOf } from '../exchange.ts';
import { LISTED_MAX, METADATA_MAX, NAME_MAX } from '../limits.ts';
import { nextPage, pageQuery } from '../page-query.ts';
import type { PageQuery } from '../page-query.ts';
import { ResponseCache } from '../response-cache.ts';
import type { Subject } from '../response-cache.ts';
import { defineRoute } from '../route.ts';
import type { Route } from '../route.ts';

/** How media flows. */
export const roomMode = z.enum(['auto', 'sfu', 'p2p']);

const roomRequest = z.strictObject({
  name: z.string().min(1).max(NAME_MAX),
  /** The server's default when left out. */
  maxParticipants: z.int().min(1).max(1000).optional(),
  /** How long the room lives without participants. */
  emptyTimeoutSeconds: z.int().min(0).max(86_400).optional(),
  metadata: z.string().max(METADATA_MAX).optional(),
  mode: roomMode.optional(),
});

export const roomInfo = z.object({
  sid: z.string(),
  name: z.string(),
  meta: z.string(),
  /** Unix time, milliseconds. */
  createdAt: z.number(),
  maxParticipants: z.int(),
  mode: roomMode,
});

export const roomDescription = roomInfo.extend({
  emptyTimeoutSeconds: z.int(),
  /** How many are in it. */
  participants: z.int(),
});

const roomSettings = roomRequest.omit({ name: true });

export const roomList = z.object({ rooms: z.array(roomDescription).readonly(), next: nextPage });

const roomParams = z.object({ room: z.string() });

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
  direct: z.int(),
});

export const roomStats = z.object({
  room: z.object({
    sid: z.string(),
    name: z.string(),
    mode: roomMode,
    route: z.enum(['p2p', 'sfu']),
  }),
  total: z.int(),
  participants: z.array(participantStats),
});

export type RoomRequest = z.output<typeof roomRequest>;
export type RoomInfo = z.output<typeof roomInfo>;
export type RoomDescription = z.output<typeof roomDescription>;
/** What is left out stays. */
export type RoomChange = z.output<typeof roomSettings>;
export type RoomList = z.output<typeof roomList>;

export interface RoomResult {
  created: boolean;
  room: RoomInfo;
}

/** What is refused is thrown, or rejected with, as GatewayProblem. */
export interface RoomsApi {
  create(caller: Caller, request: RoomRequest): Promise<RoomResult>;
  /** By name, from `after` on. */
  list(query: PageQuery): RoomList | Promise<RoomList>;
  /** Which room it is, and which state of it; undefined also for one that another node has. */
  find(room: string): Subject | undefined;
  describe(room: string): RoomDescription | undefined;
  /** Of one that `find` does not find. */
  lookUp(room: string): Promise<RoomDescription>;
  update(caller: Caller, room: string, change: RoomChange): Promise<RoomDescription>;
  end(caller: Caller, room: string): Promise<void>;
  roomStats(room: string): Promise<z.output<typeof roomStats>>;
  /** By sid or identity. */
  participantStats(room: string, participant: string): Promise<z.output<typeof participantStats>>;
}

/** @param refuse why no new room is taken on right now */
export function roomRoutes(api: RoomsApi, refuse: () => Error | undefined): Route[] {
  const coalesced = new Coalesced();
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
      path: '/v1/rooms',
      summary: 'Lists rooms by name, in pages.',
      access: 'room-list',
      query: pageQuery(LISTED_MAX, LISTED_MAX),
      response: { 200: roomList, 304: nothing },
      handler: async ({ query, request }) =>
        conditional(request, await coalesced.once(request.url, () => api.list(query))),
    }),
    roomRoute(api, coalesced),
    defineRoute({
      method: 'PATCH',
      path: '/v1/rooms/{room}',
      summary:
        'Changes settings of a room; what is left out stays. Participants are told of metadata.',
      access: 'room-admin',
      params: roomParams,
      body: roomSettings,
      response: { 200: roomDescription },
      handler: async ({ params, body, caller, reply }) =>
        reply(200, await api.update(caller, params.room, body)),
    }),
    defineRoute({
      method: 'DELETE',
      path: '/v1/rooms/{room}',
      summary: 'Ends a room: everybody in it is told so, and is out.',
      access: 'room-admin',
      params: roomParams,
      response: { 204: nothing },
      handler: async ({ params, caller, reply }) => {
        await api.end(caller, params.room);
        return reply(204, undefined);
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/rooms/{room}/stats',
      summary: 'What media of a room does at this moment.',
      access: 'room-admin',
      params: roomParams,
      response: { 200: roomStats },
      handler: async ({ params, request, reply }) =>
        reply(200, await coalesced.once(request.url, () => api.roomStats(params.room))),
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/rooms/{room}/participants/{participant}/stats',
      summary: 'What media of one participant does at this moment, by its sid or identity.',
      access: 'room-admin',
      params: z.object({ room: z.string(), participant: z.string() }),
      response: { 200: participantStats },
      handler: async ({ params: { room, participant }, request, reply }) =>
        reply(
          200,
          await coalesced.once(request.url, () => api.participantStats(room, participant)),
        ),
    }),
  ];
}

/** What is asked for most: an answer that has been made is sent as it is. */
function roomRoute(api: RoomsApi, coalesced: Coalesced): Route {
  const answers = new ResponseCache();
  return defineRoute({
    method: 'GET',
    path: '/v1/rooms/{room}',
    summary: 'A room, and how many participants are in it.',
    access: 'room-admin',
    params: roomParams,
    response: { 200: roomDescription, 304: nothing },
    handler: ({ params, request }) => {
      const room = api.find(params.room);
      const exchange = exchangeOf(request);
      exchange.cache = 'hit';
      const known = room && answers.get(room, request);
      if (known !== undefined) return known;
      exchange.cache = 'miss';
      const description = api.describe(params.room);
      if (room === undefined || description === undefined) {
        return coalesced
          .once(request.url, () => api.lookUp(params.room))
          .then((told) => conditional(request, told));
      }
      return answers.set(room, description, request);
    },
  });
}
