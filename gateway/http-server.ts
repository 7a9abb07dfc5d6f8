// The HTTP side of the server: the meeting page, health, metrics, the room API and the way to the signaling WebSocket.
// Called by: server.ts, which hands in what lies behind each route; nothing here knows of rooms or media.

import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { fastify } from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../shared/log.ts';
import { writeAnswer } from './exchange.ts';
import { Gate } from './gate.ts';
import type { GateOptions } from './gate.ts';
import * as limits from './limits.ts';
import { servePage } from './page.ts';
import { GatewayProblem, PROBLEM_TYPE, problemDetails, problemOf } from './problem.ts';
import type { Route } from './route.ts';
import { serveRoutes } from './route-table.ts';
import { devTokenRoute } from './routes/dev-token.ts';
import type { MintToken } from './routes/dev-token.ts';
import { healthRoutes, notReady, notServing } from './routes/health.ts';
import type { HealthOptions } from './routes/health.ts';
import { metricsRoute } from './routes/metrics.ts';
import type { MetricsOptions } from './routes/metrics.ts';
import { operateRoutes } from './routes/operate.ts';
import type { OperateApi } from './routes/operate.ts';
import { roomRoutes } from './routes/rooms.ts';
import type { RoomsApi } from './routes/rooms.ts';
import { turnRoutes } from './routes/turn.ts';
import type { TurnApi } from './routes/turn.ts';
import { whipRoutes } from './routes/whip.ts';
import type { WhipApi } from './routes/whip.ts';
import { acceptUpgrades } from './upgrade.ts';
import type { UpgradeHandler } from './upgrade.ts';

export interface GatewayOptions extends HealthOptions, GateOptions {
  log: Logger;
  /** Folder of the built page; without it `/` answers 404. */
  webRoot: string | undefined;
  /** Path of the signaling WebSocket. */
  signalPath: string;
  onUpgrade: UpgradeHandler;
  rooms: RoomsApi;
  turn: TurnApi;
  operate: OperateApi;
  metrics: MetricsOptions;
  /** Where media is forwarded. */
  whip?: WhipApi | undefined;
  /** Development mode only. */
  mintToken?: MintToken | undefined;
}

export interface Gateway {
  /** Resolves with the port that is bound; rejects with the system's error, such as EADDRINUSE. */
  listen(host: string, port: number): Promise<number>;
  /** Ends every connection. Idempotent. */
  close(): Promise<void>;
}

export function createGateway(options: GatewayOptions): Gateway {
  const app = fastify({
    bodyLimit: limits.BODY_BYTES_MAX,
    routerOptions: { maxParamLength: limits.PATH_SEGMENT_MAX },
    requestTimeout: limits.REQUEST_TIMEOUT_MS,
    keepAliveTimeout: limits.KEEP_ALIVE_MS,
    // The table has HEAD wherever it has GET.
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    http: {
      headersTimeout: limits.HEADERS_TIMEOUT_MS,
      maxHeaderSize: limits.HEADER_BYTES_MAX,
      connectionsCheckingInterval: 2000,
    },
    clientErrorHandler: refuseRaw,
    frameworkErrors: (error, request, reply) => sendError(error, request, reply, options.log),
  });
  app.server.maxConnections = limits.CONNECTIONS_MAX;
  app.removeContentTypeParser('text/plain');
  app.decorateRequest('exchange', null);
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply, options.log));
  app.setNotFoundHandler((request, reply) =>
    sendError(notFound(request.method, request.url), request, reply, options.log),
  );
  const gate = new Gate(options);
  serveRoutes(app, routesOf(options), gate);
  if (options.webRoot !== undefined) servePage(app, options.webRoot, gate);
  const destroyUpgraded = acceptUpgrades(app.server, {
    path: options.signalPath,
    refuse: () => notServing(options),
    handle: options.onUpgrade,
  });
  return gatewayOn(app, destroyUpgraded);
}

/** Everything that is served but the page and WebSockets. */
function routesOf(options: GatewayOptions): Route[] {
  const refuse = (): GatewayProblem | undefined => notReady(options);
  return [
    ...healthRoutes(options),
    metricsRoute(options.metrics),
    ...roomRoutes(options.rooms, refuse),
    ...turnRoutes(options.turn),
    ...operateRoutes(options.operate),
    ...(options.whip ? whipRoutes({ api: options.whip, refuse }) : []),
    ...(options.mintToken ? [devTokenRoute(options.mintToken)] : []),
  ];
}

function gatewayOn(app: FastifyInstance, destroyUpgraded: () => void): Gateway {
  let closed: Promise<void> | undefined;
  return {
    listen: async (host, port) => {
      await app.listen({ host, port });
      const address = app.server.address();
      return typeof address === 'object' && address !== null ? address.port : port;
    },
    close: () => {
      closed ??= (async () => {
        const done = app.close();
        destroyUpgraded();
        await done;
      })();
      return closed;
    },
  };
}

function notFound(method: string, url: string): GatewayProblem {
  const path = url.split('?', 1)[0] ?? '';
  const what = `${method} ${path.slice(0, 100)}`;
  return new GatewayProblem(404, 'NOT_FOUND', `There is nothing at ${what}; the page is at /.`);
}

function sendError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  log: Logger,
): void {
  let problem = problemOf(error);
  if (!problem) {
    log.error('http.failed', { err: error });
    problem = new GatewayProblem(500, 'INTERNAL', 'The server failed; the log has the cause.');
  }
  writeAnswer(request, reply, {
    status: problem.status,
    body: JSON.stringify(problemDetails(problem)),
    fields: { ...problem.headers, 'content-type': PROBLEM_TYPE },
  });
}

/** Answers what is not even HTTP. */
function refuseRaw(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const statusOf: Readonly<Record<string, number>> = {
    HPE_HEADER_OVERFLOW: 431,
    ERR_HTTP_REQUEST_TIMEOUT: 408,
  };
  const status = statusOf[error.code ?? ''] ?? 400;
  const detail = 'The request is not HTTP/1.1 that this server takes.';
  const body = JSON.stringify(problemDetails(new GatewayProblem(status, 'BAD_MESSAGE', detail)));
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n` +
      `Content-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
