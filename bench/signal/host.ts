// The process that bench/signal.ts measures: a whole server as `sterna serve` makes it, or the least that could be
// called a room server on a bare `ws`: no tokens, no sessions, no limits. Talks to its parent over the IPC channel.

import { type WebSocket, WebSocketServer } from 'ws';
import { loadConfig } from '../../shared/config/load.ts';
import { createLogger } from '../../shared/log.ts';
import { Server } from '../../server/server.ts';
import { processCpuNanoseconds } from '../sfu/process-clock.ts';
import { residentBytes } from '../turn/process-stat.ts';

export type HostKind = 'sterna' | 'bare';

/** What the parent is told first. */
export interface SignalHostReady {
  readonly type: 'ready';
  readonly url: string;
  /** Name and secret of the API key; of none where there are no tokens. */
  readonly key: readonly [name: string, secret: string];
}

/** The answer to the message 'usage'. */
export interface HostUsage {
  readonly type: 'usage';
  /** Resident, bytes, after a collection. */
  readonly resident: number;
  readonly heap: number;
  readonly cpuNs: number;
}

interface BareMessage {
  readonly type: string;
  readonly i?: number;
  readonly room?: string;
  readonly payload?: string;
}

async function sterna(): Promise<SignalHostReady & { close: () => void }> {
  const config = loadConfig({
    environment: {
      STERNA_GATEWAY_PORT: '0',
      STERNA_TURN_LISTENERS: 'udp://127.0.0.1:0',
      STERNA_SFU_PORT: '0',
      STERNA_SFU_TCP_PORT: '0',
    },
  });
  const server = await Server.start(config, createLogger(config.log));
  const [key] = Object.entries(config.keys);
  if (key === undefined) throw new Error('development mode makes a key');
  return { type: 'ready', url: server.url, key, close: () => void server.close() };
}

async function bare(): Promise<SignalHostReady & { close: () => void }> {
  const rooms = new Map<string, Set<WebSocket>>();
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  server.on('connection', (socket) => {
    let members = new Set<WebSocket>();
    let pushes = 0;
    socket.on('message', (text: Buffer) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the load beside it is who sends
      const message = JSON.parse(text.toString()) as BareMessage;
      if (message.type === 'join') {
        members = rooms.get(message.room ?? '') ?? new Set();
        rooms.set(message.room ?? '', members.add(socket));
        socket.send(`{"type":"joined","re":${message.i}}`);
      } else if (message.type === 'data') {
        const push = JSON.stringify({ type: 'data', s: ++pushes, payload: message.payload });
        for (const member of members) if (member !== socket) member.send(push);
        socket.send(`{"type":"ok","re":${message.i}}`);
      } else if (message.type === 'ping') socket.send('{"type":"pong"}');
    });
    socket.on('close', () => members.delete(socket));
  });
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const close = (): void => {
    server.close();
    for (const socket of server.clients) socket.terminate();
  };
  return { type: 'ready', url: `http://127.0.0.1:${port}`, key: ['', ''], close };
}

async function main(
  kind: HostKind,
  send: (message: SignalHostReady | HostUsage) => void,
): Promise<void> {
  const { close, ...ready } = await (kind === 'bare' ? bare() : sterna());
  process.on('message', (message) => {
    if (message !== 'usage') return;
    globalThis.gc?.();
    send({
      type: 'usage',
      resident: residentBytes(process.pid),
      heap: process.memoryUsage().heapUsed,
      cpuNs: processCpuNanoseconds(process.pid),
    });
  });
  // The parent is gone or done.
  process.on('disconnect', close);
  send(ready);
}

const [, , kind] = process.argv;
if (process.send !== undefined && (kind === 'sterna' || kind === 'bare')) {
  await main(kind, (message) => void process.send?.(message));
}
