// Debian's coturn as a foreign TURN server on loopback, for tests of clients.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { IceServer } from '../../signaling/index.ts';
import { Child } from './e2e/child.ts';
import { freePorts } from './free-ports.ts';

export interface CoturnServer {
  readonly port: number;
  readonly iceServer: IceServer;
  /** Kills it: clients learn nothing. */
  stop(): Promise<void>;
}

/** Resolves when it answers a Binding request. */
export async function startCoturn(onPort?: number): Promise<CoturnServer> {
  const port = onPort ?? (await freePorts(['127.0.0.1'], 1));
  const options =
    '-n -a -u user:pass -r example.org -L 127.0.0.1 -E 127.0.0.1 --allow-loopback-peers --no-cli ' +
    `--no-tls --no-dtls --listening-port ${port} --log-file stdout --pidfile /dev/null`;
  const child = new Child('turnserver', options.split(' '));
  await answers(port);
  return {
    port,
    iceServer: {
      urls: [`turn:127.0.0.1:${port}?transport=udp`],
      username: 'user',
      credential: 'pass',
    },
    stop: () => child.kill(),
  };
}

/** Asks until there is an answer; the caller's test has a time limit. */
async function answers(port: number): Promise<void> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  // RFC 8489 s5: type Binding request, no attributes, magic cookie, any transaction.
  const request = Buffer.from(`000100002112a442${'5a'.repeat(12)}`, 'hex');
  const asking = setInterval(() => socket.send(request, port, '127.0.0.1'), 100);
  await once(socket, 'message');
  clearInterval(asking);
  socket.close();
}
