// For gateways whose APIs are not what is tested: nothing is there, and every bearer may do everything.

import type { Caller } from '../../gateway/caller.ts';
import type { GatewayOptions } from '../../gateway/http-server.ts';
import type { KeysApi } from '../../gateway/routes/keys.ts';
import type { OperateApi } from '../../gateway/routes/operate.ts';
import { GatewayProblem } from '../../gateway/problem.ts';
import type { OverviewApi } from '../../gateway/routes/overview.ts';
import type { ParticipantsApi } from '../../gateway/routes/participants.ts';
import type { RoomInfo, RoomsApi } from '../../gateway/routes/rooms.ts';
import type { TurnApi } from '../../gateway/routes/turn.ts';
import { systemClock } from '../../shared/clock.ts';
import { silentLogger } from '../../shared/log.ts';

export function roomInfo(name: string): RoomInfo {
  return { sid: 'RM_1', name, meta: '', createdAt: 1, maxParticipants: 2, mode: 'sfu' };
}

export const NO_ROOMS_API: RoomsApi = {
  create: (_caller, { name }) => Promise.resolve({ created: name !== 'old', room: roomInfo(name) }),
  list: () => ({ rooms: [], next: null }),
  update: (_caller, name) =>
    Promise.resolve({ ...roomInfo(name), emptyTimeoutSeconds: 60, participants: 0 }),
  end: () => Promise.resolve(),
  find: () => undefined,
  describe: () => undefined,
  lookUp: () => Promise.reject(new GatewayProblem(404, 'NOT_FOUND', 'There is no such room.')),
  roomStats: (name) =>
    Promise.resolve({
      room: { sid: 'RM_1', name, mode: 'sfu', route: 'sfu' },
      total: 0,
      participants: [],
    }),
  participantStats: (_room, identity) =>
    Promise.resolve({
      participant: { sid: 'PA_1', identity, name: identity, state: 'active', joinedAt: 1 },
      transport: null,
      tracks: [],
      subscriptions: [],
      direct: 0,
    }),
};

const nobody = (): Promise<never> =>
  Promise.reject(new GatewayProblem(404, 'NOT_FOUND', 'There is no such participant.'));

export const NO_PARTICIPANTS_API: ParticipantsApi = {
  list: () => Promise.resolve({ total: 0, participants: [], next: null }),
  describe: nobody,
  kick: nobody,
  mute: nobody,
  permit: nobody,
  simulate: nobody,
  send: () => Promise.resolve({ recipients: 0 }),
};

export const NO_TURN_API: TurnApi = {
  list: () => Promise.resolve({ allocations: [], next: null, unanswered: [] }),
  describe: (id) =>
    Promise.resolve({
      id,
      worker: 0,
      user: 'ann',
      client: '192.0.2.1:5000',
      transport: 'udp',
      relayed: [],
      createdAt: 1,
      expiresInSeconds: 2,
      permissions: [],
      channels: [],
      sentPackets: 0,
      sentBytes: 0,
      receivedPackets: 0,
      receivedBytes: 0,
    }),
  end: () => Promise.resolve(),
  mint: () => ({ username: '', password: '', ttl: 0, uris: [] }),
};

export const NO_KEYS_API: KeysApi = {
  list: () => [],
  make: () => Promise.reject(new Error('nothing is kept here')),
  revoke: () => Promise.resolve(),
};

export const NO_OVERVIEW_API: OverviewApi = {
  nodes: () => Promise.resolve({ self: 'a', nodes: [], missing: [], redis: 'none' }),
  overview: () =>
    Promise.resolve({
      rooms: [],
      total: 0,
      matched: 0,
      troubles: { disconnected: 0, lossy: 0, paused: 0, reduced: 0 },
      troubledRooms: 0,
    }),
  errors: () => Promise.resolve({ lines: [], warnings: 0, errors: 0 }),
};

export const NO_OPERATE_API: OperateApi = {
  drainStatus: () => ({ draining: false, participants: 0, allocations: 0 }),
  drain: (_caller, draining) => Promise.resolve({ draining, participants: 0, allocations: 0 }),
  reload: () => Promise.resolve({ applied: [], needRestart: [] }),
};

/** A caller that may do everything, whose identity is its bearer. */
export function adminWith(bearer: string): Caller {
  return {
    kind: 'token',
    key: 'app',
    identity: bearer,
    grants: { room: undefined, roomAdmin: true, roomCreate: false, roomList: false },
  };
}

/** A gateway on which nothing is. */
export const NO_APIS: GatewayOptions = {
  log: silentLogger,
  version: '1.2.3',
  webRoot: undefined,
  signalPath: '/v1/signal',
  healthy: () => true,
  state: () => 'ready',
  onUpgrade: (_request, socket) => socket.destroy(),
  clock: systemClock,
  judge: { judge: (bearer) => ({ caller: adminWith(bearer), expiresAt: Infinity }) },
  limits: { perKey: '', perIp: '', routes: {} },
  cors: [],
  rooms: NO_ROOMS_API,
  participants: NO_PARTICIPANTS_API,
  tokens: { mint: () => ({ token: '', expiresAt: 0 }) },
  keys: NO_KEYS_API,
  turn: NO_TURN_API,
  operate: NO_OPERATE_API,
  overview: NO_OVERVIEW_API,
  metrics: { readers: [], contentType: 'text/plain', scrape: () => Promise.resolve('') },
};
