// The process that gateway.ts measures: a whole server as `sterna serve` makes it, or bare Fastify that answers the
// same bytes without hooks, limits or authentication. Talks to its parent over an IPC channel.

import { fastify } from 'fastify';
import { Server } from '../server/server.ts';
import { loadConfig } from '../shared/config/load.ts';
import { silentLogger } from '../shared/log.ts';

export type GatewayHostKind = 'sterna' | 'fastify';

/** What the parent is told. */
export interface GatewayHostReady {
  readonly type: 'ready';
  readonly url: string;
  /** Of the request that is measured. */
  readonly authorization: string;
}

const ROOM = {
  sid: 'RM_000000000000',
  name: 'x',
  meta: '',
  createdAt: 1_800_000_000_000,
  maxParticipants: 50,
  mode: 'sfu',
  participants: 0,
};

async function sterna(): Promise<GatewayHostReady> {
  const config = loadConfig({
    environment: {
      STERNA_GATEWAY_PORT: '0',
      // Counted, and never reached.
      STERNA_GATEWAY_LIMITS_PER_KEY: '1000000/s',
      STERNA_TURN_LISTENERS: 'udp://127.0.0.1:0',
      STERNA_SFU_PORT: '0',
      STERNA_SFU_TCP_PORT: '0',
    },
  });
  const server = await Server.start(config, silentLogger);
  process.on('disconnect', () => void server.close());
  const [key = '', secret = ''] = Object.entries(config.keys)[0] ?? [];
  const authorization = `Bearer ${key}:${secret}`;
  const answer = await fetch(`${server.url}/v1/rooms`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ name: ROOM.name, emptyTimeoutSeconds: 86_400 }),
  });
  if (!answer.ok) throw new Error(`POST /v1/rooms: ${answer.status} ${await answer.text()}`);
  return { type: 'ready', url: server.url, authorization };
}

async function bare(): Promise<GatewayHostReady> {
  const app = fastify();
  app.get('/v1/rooms/:room', () => ROOM);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  process.on('disconnect', () => void app.close());
  return { type: 'ready', url, authorization: 'Bearer nobody:asks' };
}

if (process.send !== undefined) {
  process.send(process.argv[2] === 'fastify' ? await bare() : await sterna());
}
