// The HTTP side of the server: the meeting page, health, metrics, the room API and the way to the signaling WebSocket.
// Called by: server.ts, which hands in what lies behind each route; nothing here knows of rooms or media.

import { type RequestListener, type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import fastifyHelmet from '@fastify/helmet';
import fastifyStatic from '@fastify/static';
import { fastify } from 'fastify';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { TlsPair } from '../shared/config/tls-pair.ts';
import type { Logger } from '../shared/log.ts';
import { clientTeller } from './forwarded.ts';
import { createHttpsServer, type HttpsServer } from './https-server.ts';
import * as limits from './limits.ts';
import { listenOptions } from './listen-options.ts';
import { GatewayProblem, PROBLEM_TYPE, problemDetails, problemOf } from './problem.ts';
import { devTokenRoute } from './routes/dev-token.ts';
import type { MintToken } from './routes/dev-token.ts';
import { healthRoutes, notReady, notServing } from './routes/health.ts';
import type { HealthOptions } from './routes/health.ts';
import { metricsRoute } from './routes/metrics.ts';
import type { MetricsOptions } from './routes/metrics.ts';
import { roomRoutes, roomStatsRoutes, STATS_PATH } from './routes/rooms.ts';
import type { CreateRoom, TellRoomStats } from './routes/rooms.ts';
import { operateRoutes } from './routes/operate.ts';
import type { OperateApi } from './routes/operate.ts';
import { ALLOCATION_PATH, turnRoutes } from './routes/turn.ts';
import type { TurnApi } from './routes/turn.ts';
import { whipRoutes } from './routes/whip.ts';
import type { WhipApi } from './routes/whip.ts';
import { acceptUpgrades } from './upgrade.ts';
import type { UpgradeHandler } from './upgrade.ts';

export interface GatewayOptions extends HealthOptions {
  log: Logger;
  /** Folder of the built page; without it `/` answers 404. */
  webRoot: string | undefined;
  /** What HTTPS is served with; HTTP without. */
  tls?: TlsPair | undefined;
  /** Address ranges of the proxies that tell who the client is; none when left out. */
  trustedProxies?: readonly string[];
  /** Whether other processes may have the port, too. */
  reusePort?: boolean;
  /** Path of the signaling WebSocket. */
  signalPath: string;
  onUpgrade: UpgradeHandler;
  createRoom: CreateRoom;
  tellRoomStats: TellRoomStats;
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
  /** What is shown to clients from now on, where it is served with TLS. */
  setCertificate(pair: TlsPair): void;
  /** Ends every connection. Idempotent. */
  close(): Promise<void>;
}

interface GatewayParts {
  readonly destroyUpgraded: () => void;
  readonly https: HttpsServer | undefined;
  readonly options: GatewayOptions;
}

/** Half a year, which whoever gives up TLS has to wait for. */
const HSTS_SECONDS = 180 * 86_400;

export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { log, tls } = options;
  const clientOf = clientTeller(options.trustedProxies ?? []);
  let https: HttpsServer | undefined;
  const app = fastify<Server>({
    ...(tls && {
      serverFactory: (handler: RequestListener): Server => {
        https = createHttpsServer(handler, {
          certificate: tls,
          onCalmed: () => log.debug('http.calmed'),
        });
        return https.server;
      },
    }),
    bodyLimit: limits.BODY_BYTES_MAX,
    routerOptions: { maxParamLength: limits.PATH_SEGMENT_MAX },
    requestTimeout: limits.REQUEST_TIMEOUT_MS,
    keepAliveTimeout: limits.KEEP_ALIVE_MS,
    forceCloseConnections: true,
    http: {
      headersTimeout: limits.HEADERS_TIMEOUT_MS,
      maxHeaderSize: limits.HEADER_BYTES_MAX,
      connectionsCheckingInterval: limits.CHECK_MS,
    },
    clientErrorHandler: refuseRaw,
    frameworkErrors: (error, _request, reply) => sendError(error, reply, options.log),
  });
  app.server.maxConnections = limits.CONNECTIONS_MAX;
  app.removeContentTypeParser('text/plain');
  await secure(app, tls !== undefined);
  app.setErrorHandler((error, _request, reply) => sendError(error, reply, options.log));
  app.setNotFoundHandler((request, reply) =>
    sendError(notFound(request.method, request.url), reply, options.log),
  );
  healthRoutes(app, options);
  metricsRoute(app, options.metrics);
  roomRoutes(app, (token, request) => {
    const problem = notReady(options);
    if (problem) throw problem;
    return options.createRoom(token, request);
  });
  roomStatsRoutes(app, options.tellRoomStats);
  turnRoutes(app, options.turn);
  operateRoutes(app, options.operate);
  if (options.whip) {
    whipRoutes(app, { api: options.whip, clientOf, refuse: () => notReady(options) });
  }
  if (options.mintToken) devTokenRoute(app, options.mintToken);
  if (options.webRoot !== undefined) await servePage(app, options.webRoot);
  const destroyUpgraded = acceptUpgrades(app.server, {
    path: options.signalPath,
    refuse: () => notServing(options),
    clientOf,
    handle: options.onUpgrade,
  });
  return gatewayOn(app, { destroyUpgraded, https, options });
}

function gatewayOn(
  app: FastifyInstance,
  { destroyUpgraded, https, options: { log, reusePort = false } }: GatewayParts,
): Gateway {
  let closed: Promise<void> | undefined;
  return {
    listen: async (host, port) => {
      await app.ready();
      await app.listen(await listenOptions({ host, port, reusePort }, log));
      const address = app.server.address();
      return typeof address === 'object' && address !== null ? address.port : port;
    },
    setCertificate: (pair) => https?.setCertificate(pair),
    close: () => {
      closed ??= (async () => {
        const done = app.close();
        destroyUpgraded();
        await https?.closeSessions();
        await done;
      })();
      return closed;
    },
  };
}

async function secure(app: FastifyInstance, isHttps: boolean): Promise<void> {
  await app.register(fastifyHelmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'self'"],
        'connect-src': ["'self'", 'ws:', 'wss:'],
        'img-src': ["'self'", 'data:', 'blob:'],
        'media-src': ["'self'", 'blob:', 'mediastream:'],
        'object-src': ["'none'"],
        'base-uri': ["'none'"],
        'form-action': ["'self'"],
        'frame-ancestors': ["'none'"],
      },
    },
    xFrameOptions: { action: 'deny' },
    // RFC 6797. Where TLS ends at a proxy in front, so does the decision about it.
    strictTransportSecurity: isHttps && { maxAge: HSTS_SECONDS, includeSubDomains: false },
  });
  app.addHook('onRequest', (_request, reply, next) => {
    // Files keep their names from one version to the next, so a browser asks each time (and is told 304).
    void reply.header('cache-control', 'no-cache');
    void reply.header(
      'permissions-policy',
      'camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=()',
    );
    next();
  });
}

async function servePage(app: FastifyInstance, root: string): Promise<void> {
  await app.register(fastifyStatic, {
    root,
    index: ['index.html'],
    dotfiles: 'ignore',
    decorateReply: false,
    cacheControl: false,
  });
}

const METHODS: Readonly<Record<string, string>> = {
  '/healthz': 'GET',
  '/readyz': 'GET',
  '/metrics': 'GET',
  '/v1/rooms': 'POST',
  '/v1/drain': 'GET, POST',
  '/v1/reload': 'POST',
  '/v1/turn/allocations': 'GET',
  '/v1/turn/credentials': 'POST',
};

function allowedAt(path: string): string | undefined {
  if (STATS_PATH.test(path)) return 'GET';
  return ALLOCATION_PATH.test(path) ? 'GET, DELETE' : METHODS[path];
}

function notFound(method: string, url: string): GatewayProblem {
  const path = url.split('?', 1)[0] ?? '';
  const allowed = allowedAt(path);
  if (allowed !== undefined) {
    const detail = `${path} takes ${allowed} only.`;
    return new GatewayProblem(405, 'METHOD', detail, { allow: allowed });
  }
  const what = `${method} ${path.slice(0, 100)}`;
  return new GatewayProblem(404, 'NOT_FOUND', `There is nothing at ${what}; the page is at /.`);
}

function sendError(error: unknown, reply: FastifyReply, log: Logger): void {
  let problem = problemOf(error);
  if (!problem) {
    log.error('http.failed', { err: error });
    problem = new GatewayProblem(500, 'INTERNAL', 'The server failed; the log has the cause.');
  }
  void reply
    .code(problem.status)
    .headers(problem.headers)
    .header('content-type', PROBLEM_TYPE)
    .send(Buffer.from(JSON.stringify(problemDetails(problem))));
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
