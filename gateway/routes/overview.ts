// What an operator looks at: GET /v1/nodes tells of each node in numbers, GET /v1/overview of rooms, those in trouble
// first, and GET /v1/errors has the last warnings and errors of the log. The dashboard is made of these.
// Called by: http-server.ts; what they tell is the callbacks' business.

import { z } from 'zod';
import { Coalesced } from '../../shared/coalesced.ts';
import { KEPT_LEVELS } from '../../shared/log.ts';
import { conditional, nothing } from '../conditional.ts';
import { LISTED_MAX, NAME_MAX } from '../limits.ts';
import { defineRoute } from '../route.ts';
import type { Route } from '../route.ts';
import { SERVER_STATES } from './health.ts';
import { roomMode } from './rooms.ts';

/** Rooms behind so many are found by a search. */
const OFFSET_MAX = 5000;
const LISTED = 50;

/** A total since the worker or the server started: what rises in it is a rate. */
const total = z.number();

const workerNumbers = z.object({
  /** Null where the system does not tell it of threads. */
  cpuSeconds: z.number().nullable(),
  heapUsedBytes: z.number(),
  rooms: z.int(),
  transports: z.int(),
  disconnected: z.int(),
  publications: z.int(),
  packetsIn: total,
  bytesIn: total,
  packetsOut: total,
  bytesOut: total,
  nacksIn: total,
  nacksOut: total,
  resent: total,
  keyFrameRequestsIn: total,
  /** RTP, RTCP and datagrams at the media ports that were not taken or not forwarded. */
  dropped: total,
  allocations: z.int(),
  relayedPackets: total,
  relayedBytes: total,
  /** Datagrams of TURN that got no answer and were not relayed. */
  turnDropped: total,
  /** Datagrams that the kernel, or a full queue, refused. */
  sendDropped: total,
});

const worker = z.object({
  index: z.int(),
  /** How often it died and was started again. */
  deaths: z.int(),
  /** Null while it does not answer. */
  numbers: workerNumbers.nullable(),
});

const percentiles = z.object({ p50: z.number(), p99: z.number() });

export const nodeNumbers = z.object({
  id: z.string(),
  name: z.string(),
  version: z.string(),
  engine: z.string(),
  state: z.enum(SERVER_STATES),
  healthy: z.boolean(),
  /** False: of several nodes this one has lost its lease, and serves no rooms. */
  serves: z.boolean(),
  /** Unix time, milliseconds. */
  at: z.number(),
  startedAt: z.number(),
  rooms: z.int(),
  participants: z.int(),
  away: z.int(),
  joins: total,
  resumes: total,
  /** What clients of signaling were refused. */
  refusals: total,
  /** From a join to its answer, milliseconds, of the last 1,024; null before the first. */
  joinMs: percentiles.nullable(),
  requests: total,
  clientErrors: total,
  serverErrors: total,
  warnings: total,
  errors: total,
  turn: z.object({
    allocations: z.int(),
    users: z.int(),
    /** How many there may be, in all and of one user. */
    quotaTotal: z.int(),
    quotaPerUser: z.int(),
  }),
  process: z.object({
    cpuSeconds: total,
    /** Of the main thread; null where the system does not tell it. */
    mainCpuSeconds: total.nullable(),
    rssBytes: z.number(),
    heapUsedBytes: z.number(),
    /** How late the main thread's timers are, milliseconds, since it was looked at before; null at the first look. */
    loopDelayMs: percentiles.extend({ max: z.number() }).nullable(),
  }),
  workers: z.array(worker).readonly(),
});

const nodeList = z.object({
  /** The node that answers. */
  self: z.string(),
  nodes: z.array(nodeNumbers).readonly(),
  /** Those that hold a lease and did not answer. */
  missing: z.array(z.object({ id: z.string(), name: z.string() })).readonly(),
  /** `none`: this is the only node; `down`: others cannot be asked. */
  redis: z.enum(['none', 'up', 'down']),
});

/** How many participants have what kind of trouble. */
const troubles = z.object({
  disconnected: z.int(),
  lossy: z.int(),
  paused: z.int(),
  reduced: z.int(),
});

const troubled = z.object({
  sid: z.string(),
  identity: z.string(),
  name: z.string(),
  disconnected: z.boolean(),
  fractionLost: z.number(),
  paused: z.int(),
  reduced: z.int(),
});

export const roomRow = z.object({
  sid: z.string(),
  name: z.string(),
  node: z.string(),
  mode: roomMode,
  route: z.enum(['p2p', 'sfu']),
  createdAt: z.number(),
  participants: z.int(),
  away: z.int(),
  /** Media workers that have participants of it. */
  workers: z.array(z.int()).readonly(),
  bitrateInBps: z.number(),
  bitrateOutBps: z.number(),
  troubles,
  /** The worst of them. */
  troubled: z.array(troubled).readonly(),
});

export const overview = z.object({
  rooms: z.array(roomRow).readonly(),
  /** How many there are, and of them how many the search has found. */
  total: z.int(),
  matched: z.int(),
  /** Of all rooms. */
  troubles,
  /** Rooms with participants in trouble. */
  troubledRooms: z.int(),
});

const logLine = z.object({
  node: z.string(),
  firstAt: z.number(),
  at: z.number(),
  level: z.enum(KEPT_LEVELS),
  event: z.string(),
  fields: z.string(),
  count: z.int(),
});

export const errorList = z.object({
  lines: z.array(logLine).readonly(),
  /** Since the start. */
  warnings: total,
  errors: total,
});

const bounded = (least: number, most: number) =>
  z
    .string()
    .regex(/^[0-9]{1,4}$/, { error: 'expected a number' })
    .transform(Number)
    .pipe(z.int().min(least).max(most));

const overviewQuery = z.strictObject({
  limit: bounded(1, LISTED_MAX).default(LISTED),
  offset: bounded(0, OFFSET_MAX).default(0),
  search: z.string().max(NAME_MAX).default(''),
});

const errorQuery = z.strictObject({ limit: bounded(1, LISTED_MAX).default(LISTED) });

export type NodeNumbers = z.output<typeof nodeNumbers>;
export type NodeList = z.output<typeof nodeList>;
export type Overview = z.output<typeof overview>;
export type RoomRow = z.output<typeof roomRow>;
export type Troubles = z.output<typeof troubles>;
export type OverviewQuery = z.output<typeof overviewQuery>;
export type ErrorList = z.output<typeof errorList>;

export interface OverviewApi {
  nodes(): Promise<NodeList>;
  overview(query: OverviewQuery): Promise<Overview>;
  errors(limit: number): Promise<ErrorList>;
}

export function overviewRoutes(api: OverviewApi): Route[] {
  const coalesced = new Coalesced();
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/nodes',
      summary: 'The nodes that there are, each with its numbers and those of its media workers.',
      access: 'server-admin',
      response: { 200: nodeList },
      handler: async ({ reply }) => reply(200, await coalesced.once('nodes', () => api.nodes())),
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/overview',
      summary: 'Rooms, those whose participants are in trouble first, in pages.',
      access: 'server-admin',
      query: overviewQuery,
      response: { 200: overview },
      handler: async ({ query, request, reply }) =>
        reply(200, await coalesced.once(request.url, () => api.overview(query))),
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/errors',
      summary: 'The last warnings and errors of the log, the newest first.',
      access: 'server-admin',
      query: errorQuery,
      response: { 200: errorList, 304: nothing },
      handler: async ({ query, request }) =>
        conditional(request, await coalesced.once(request.url, () => api.errors(query.limit))),
    }),
  ];
}
