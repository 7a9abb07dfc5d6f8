// The process that join-server.ts measures: a whole server as `sterna serve` makes it, and beside it a bare `ws` that
// echoes, so that the floor is known. Talks to its parent over the IPC channel of fork(); its log goes where stdout
// does.

import { WebSocketServer } from 'ws';
import { loadConfig } from '../shared/config/load.ts';
import { createLogger } from '../shared/log.ts';
import { Server } from '../server/server.ts';

/** What the parent is told first. */
export interface HostReady {
  readonly type: 'ready';
  readonly url: string;
  readonly echoUrl: string;
  /** Name and secret of the API key. */
  readonly key: readonly [name: string, secret: string];
}

/** The answer to the message 'stats'. */
export interface HostStats {
  readonly type: 'stats';
  /** From a `join` handed to the server's handler until its `joined` was handed to the socket. */
  readonly handler: { readonly count: number; readonly p50Ms: number; readonly p99Ms: number };
}

async function main(send: (message: HostReady | HostStats) => void): Promise<void> {
  const config = loadConfig({
    environment: {
      STERNA_GATEWAY_PORT: '0',
      STERNA_TURN_LISTENERS: 'udp://127.0.0.1:0',
      STERNA_SFU_PORT: '0',
      STERNA_SFU_TCP_PORT: '0',
    },
  });
  const server = await Server.start(config, createLogger(config.log));
  const echo = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  echo.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
  await new Promise((resolve) => echo.once('listening', resolve));
  const tell = async (): Promise<void> => {
    const { signaling } = await server.stats();
    send({ type: 'stats', handler: signaling.joinDurations });
  };
  process.on('message', (message) => {
    if (message !== 'stats') return;
    void tell();
  });
  // The parent is gone or done.
  process.on('disconnect', () => {
    echo.close();
    for (const socket of echo.clients) socket.terminate();
    void server.close();
  });
  const address = echo.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const [key] = Object.entries(config.keys);
  if (key === undefined) throw new Error('development mode makes a key');
  send({ type: 'ready', url: server.url, echoUrl: `ws://127.0.0.1:${port}`, key });
}

if (process.send !== undefined) await main((message) => void process.send?.(message));
