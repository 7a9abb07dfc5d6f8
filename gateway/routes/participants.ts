// Participants over HTTP: who is in a room, and what a server does to them: put out, mute, permissions; and data that
// it sends to a room. Called by: http-server.ts; who is in a room is the callbacks' business.

import { z } from 'zod';
import { Coalesced } from '../../shared/coalesced.ts';
import type { Caller } from '../caller.ts';
import { conditional, nothing } from '../conditional.ts';
import { LISTED_MAX, NAME_MAX } from '../limits.ts';
import { nextPage, pageQuery } from '../page-query.ts';
import type { PageQuery } from '../page-query.ts';
import { defineRoute } from '../route.ts';
import type { Route } from '../route.ts';

/** Base64 of the 32 KiB that a message of a participant may have. */
const PAYLOAD_CHARS_MAX = 43_692;
const REASON_MAX = 200;
const TOPIC_MAX = 128;
const RECIPIENTS_MAX = 1000;

const name = z.string().min(1).max(NAME_MAX);

const permissions = z.object({
  canPublish: z.boolean(),
  canSubscribe: z.boolean(),
  canPublishData: z.boolean(),
  hidden: z.boolean(),
  roomAdmin: z.boolean(),
});

const participant = z.object({
  sid: z.string(),
  identity: z.string(),
  name: z.string(),
  v: z.int(),
  state: z.string(),
  joinedAt: z.number(),
  meta: z.string(),
  attrs: z.record(z.string(), z.string()),
  perm: permissions,
  tracks: z
    .array(
      z.object({
        sid: z.string(),
        kind: z.enum(['audio', 'video']),
        source: z.string(),
        name: z.string(),
        muted: z.boolean(),
      }),
    )
    .readonly(),
});

const participantList = z.object({
  /** How many are in the room. */
  total: z.int(),
  participants: z.array(participant).readonly(),
  next: nextPage,
});

const muteRequest = z.strictObject({
  /** Sid of a track; all when left out. Nobody is unmuted by others. */
  track: z.string().min(1).max(64).optional(),
});

const permissionChange = z
  .strictObject({
    canPublish: z.boolean().optional(),
    canSubscribe: z.boolean().optional(),
    canPublishData: z.boolean().optional(),
  })
  .refine((change) => Object.keys(change).length > 0, { error: 'expected a permission to change' });

const dataRequest = z.strictObject({
  /** Base64. */
  payload: z.base64().max(PAYLOAD_CHARS_MAX),
  topic: z.string().max(TOPIC_MAX).optional(),
  /** By sid or identity; everybody when left out. */
  to: z.array(name).min(1).max(RECIPIENTS_MAX).optional(),
});

const dataResult = z.object({ recipients: z.int() });

/** Milliseconds. */
const SIMULATE_MS_MAX = 300_000;

const networkConditions = z.strictObject({
  loss: z.number().min(0).max(1).optional(),
  burst: z.number().min(1).max(100).optional(),
  delayMs: z.number().min(0).max(5000).optional(),
  jitterMs: z.number().min(0).max(2000).optional(),
  rateBps: z.number().min(8000).max(1_000_000_000).optional(),
  queueMs: z.number().min(0).max(5000).optional(),
});

/** As in the message of that name of `sterna.v1`. */
export const simulateRequest = z.strictObject({
  op: z.enum([
    'signal-drop',
    'node-drain',
    'full-reconnect',
    'ice-fail',
    'ice-tcp',
    'turn-only',
    'network',
    'speaker',
    'lift',
  ]),
  ms: z.int().min(1).max(SIMULATE_MS_MAX).optional(),
  up: networkConditions.nullish(),
  down: networkConditions.nullish(),
  seed: z.int().min(0).max(2_147_483_647).optional(),
});

/** How long it lasts at most, milliseconds; 0: it has happened. */
const simulated = z.object({ op: z.string(), ms: z.int() });

const kickQuery = z.strictObject({ reason: z.string().min(1).max(REASON_MAX).optional() });

export type ParticipantInfo = z.output<typeof participant>;
export type ParticipantList = z.output<typeof participantList>;
export type PermissionChange = z.output<typeof permissionChange>;
export type SimulateRequest = z.output<typeof simulateRequest>;
export type DataRequest = z.output<typeof dataRequest>;

/** By sid or identity. What is refused is thrown, or rejected with, as GatewayProblem. */
export interface ParticipantsApi {
  list(room: string, query: PageQuery): Promise<ParticipantList>;
  describe(room: string, participant: string): Promise<ParticipantInfo>;
  kick(
    caller: Caller,
    room: string,
    participant: string,
    reason: string | undefined,
  ): Promise<void>;
  mute(
    caller: Caller,
    room: string,
    participant: string,
    track: string | undefined,
  ): Promise<ParticipantInfo>;
  permit(
    caller: Caller,
    room: string,
    participant: string,
    change: PermissionChange,
  ): Promise<ParticipantInfo>;
  simulate(
    caller: Caller,
    room: string,
    participant: string,
    what: SimulateRequest,
  ): Promise<z.output<typeof simulated>>;
  send(room: string, data: DataRequest): Promise<z.output<typeof dataResult>>;
}

const ROOM = '/v1/rooms/{room}';
const ONE = `${ROOM}/participants/{participant}`;
const roomParams = z.object({ room: z.string() });
const oneParams = z.object({ room: z.string(), participant: z.string() });

export function participantRoutes(api: ParticipantsApi): Route[] {
  const coalesced = new Coalesced();
  return [
    defineRoute({
      method: 'GET',
      path: `${ROOM}/participants`,
      summary: 'Lists who is in a room, those first who came first, in pages.',
      access: 'room-admin',
      params: roomParams,
      query: pageQuery(LISTED_MAX, LISTED_MAX),
      response: { 200: participantList, 304: nothing },
      handler: async ({ params, query, request }) =>
        conditional(request, await coalesced.once(request.url, () => api.list(params.room, query))),
    }),
    defineRoute({
      method: 'GET',
      path: ONE,
      summary: 'One participant, by sid or identity.',
      access: 'room-admin',
      params: oneParams,
      response: { 200: participant, 304: nothing },
      handler: async ({ params, request }) =>
        conditional(
          request,
          await coalesced.once(request.url, () => api.describe(params.room, params.participant)),
        ),
    }),
    defineRoute({
      method: 'DELETE',
      path: ONE,
      summary: 'Puts a participant out; its token is good for no other join.',
      access: 'room-admin',
      params: oneParams,
      query: kickQuery,
      response: { 204: nothing },
      handler: async ({ params, query, caller, reply }) => {
        await api.kick(caller, params.room, params.participant, query.reason);
        return reply(204, undefined);
      },
    }),
    defineRoute({
      method: 'POST',
      path: `${ONE}/mute`,
      summary: 'Mutes a track of a participant, or all of them; only they unmute themselves.',
      access: 'room-admin',
      params: oneParams,
      body: muteRequest,
      response: { 200: participant },
      handler: async ({ params, body, caller, reply }) =>
        reply(200, await api.mute(caller, params.room, params.participant, body.track)),
    }),
    defineRoute({
      method: 'PATCH',
      path: `${ONE}/permissions`,
      summary: 'Changes what a participant may do; what is left out stays. Media obeys at once.',
      access: 'room-admin',
      params: oneParams,
      body: permissionChange,
      response: { 200: participant },
      handler: async ({ params, body, caller, reply }) =>
        reply(200, await api.permit(caller, params.room, params.participant, body)),
    }),
    defineRoute({
      method: 'POST',
      path: `${ONE}/simulate`,
      summary: 'Has the connection of a participant go wrong on purpose, for some time.',
      access: 'room-admin',
      params: oneParams,
      body: simulateRequest,
      response: { 200: simulated },
      handler: async ({ params, body, caller, reply }) =>
        reply(200, await api.simulate(caller, params.room, params.participant, body)),
    }),
    defineRoute({
      method: 'POST',
      path: `${ROOM}/data`,
      summary: 'Sends data to everybody in a room, or to those that are named.',
      access: 'room-admin',
      params: roomParams,
      body: dataRequest,
      response: { 200: dataResult },
      handler: async ({ params, body, reply }) => reply(200, await api.send(params.room, body)),
    }),
  ];
}
