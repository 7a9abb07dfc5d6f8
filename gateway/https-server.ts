// The HTTPS server: TLS handshakes with bounds, then HTTP/1.1 (with it, WebSockets) or HTTP/2 as ALPN (RFC 7301) has
// chosen. HTTP/1.1 is node:https's own, since http2's fallback takes neither its limits nor its time-outs on Node 20.
// Called by: http-server.ts, which makes no difference between this one and node:http's.

import { createServer, type Server } from 'node:https';
import type { RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { TlsPair } from '../shared/config/tls-pair.ts';
import { secureContextOf } from '../shared/net/secure-context.ts';
import { http2Sessions } from './http2-sessions.ts';
import * as limits from './limits.ts';

export interface HttpsServer {
  readonly server: Server;
  /** What is shown from now on; connections that are open go on. */
  setCertificate(pair: TlsPair): void;
  /** Ends what the server does not count as its connections: HTTP/2 sessions and handshakes. */
  closeSessions(): Promise<void>;
}

export interface HttpsOptions {
  readonly certificate: TlsPair;
  /** An HTTP/2 session was ended because it cost more than it may. */
  readonly onCalmed: () => void;
  /** Milliseconds, those of limits.ts when left out. */
  readonly times?: Times;
}

interface Times {
  readonly handshake: number;
  readonly headers: number;
  readonly request: number;
  readonly idle: number;
  /** Between two looks at the times above. */
  readonly check: number;
}

const TIMES: Times = {
  handshake: limits.HANDSHAKE_MS,
  headers: limits.HEADERS_TIMEOUT_MS,
  request: limits.REQUEST_TIMEOUT_MS,
  idle: limits.KEEP_ALIVE_MS,
  check: limits.CHECK_MS,
};

/** RFC 6797, for half a year, which whoever gives up TLS has to wait for. */
const STRICT = 'max-age=15552000';

export function createHttpsServer(
  handler: RequestListener,
  { certificate, onCalmed, times = TIMES }: HttpsOptions,
): HttpsServer {
  const strict: RequestListener = (request, response) => {
    response.setHeader('strict-transport-security', STRICT);
    handler(request, response);
  };
  const server = createServer(
    {
      ...secureContextOf(certificate),
      ALPNProtocols: ['h2', 'http/1.1'],
      handshakeTimeout: times.handshake,
      noDelay: true,
      requestTimeout: times.request,
      headersTimeout: times.headers,
      keepAliveTimeout: times.idle,
      maxHeaderSize: limits.HEADER_BYTES_MAX,
      connectionsCheckingInterval: times.check,
    },
    strict,
  );
  const sessions = http2Sessions(strict, {
    onCalmed,
    requestMs: times.request,
    idleMs: times.idle,
  });
  const http1 = server.listeners('secureConnection');
  server.removeAllListeners('secureConnection');
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol === 'h2') sessions.accept(socket);
    else for (const listener of http1) Reflect.apply(listener, server, [socket]);
  });
  // Whoever speaks no TLS would not understand an answer in it.
  server.prependListener('tlsClientError', (_error, socket) => socket.destroy());
  const connections = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  return {
    server,
    setCertificate: (pair) => server.setSecureContext(secureContextOf(pair)),
    closeSessions: async () => {
      sessions.close();
      // What they were told goes out first.
      await new Promise((resolve) => setImmediate(resolve));
      for (const socket of connections) socket.destroy();
    },
  };
}
