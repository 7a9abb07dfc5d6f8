// WebSocket upgrades: the signaling path goes to a callback, everything else is refused and its socket
// destroyed.
// Called by: http-server.ts. Keeps the set of upgraded sockets, because closing an HTTP server waits for
// them.

import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Client, TellClient } from './forwarded.ts';
import { GatewayProblem, PROBLEM_TYPE, problemDetails } from './problem.ts';
import { requestId } from './request-id.ts';

export type UpgradeHandler = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  client: Client,
) => void;

export interface UpgradeOptions {
  path: string;
  /** Undefined lets the upgrade through. */
  refuse(): GatewayProblem | undefined;
  clientOf: TellClient;
  handle: UpgradeHandler;
}

/** Takes over the server's upgrades; the returned function destroys every upgraded socket that is left. */
export function acceptUpgrades(server: Server, options: UpgradeOptions): () => void {
  const sockets = new Set<Duplex>();
  server.on('upgrade', (request, socket, head) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // A reset while nobody else listens yet must not end the process.
    socket.on('error', () => socket.destroy());
    const path = request.url?.split('?', 1)[0];
    const problem =
      path === options.path
        ? options.refuse()
        : new GatewayProblem(404, 'NOT_FOUND', `WebSockets are served at ${options.path} only.`);
    if (problem) refuse(socket, problem, requestId(request.headers['x-request-id']));
    else options.handle(request, socket, head, options.clientOf(request));
  });
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}

function refuse(socket: Duplex, problem: GatewayProblem, id: string): void {
  const details = problemDetails(problem, id);
  const body = JSON.stringify(details);
  const headers = {
    Connection: 'close',
    'Content-Type': PROBLEM_TYPE,
    'Content-Length': String(Buffer.byteLength(body)),
    'X-Request-Id': id,
    ...problem.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `HTTP/1.1 ${details.status} ${details.title}\r\n${lines.join('')}\r\n`;
  socket.end(head + body, () => socket.destroy());
}
