// The HTTP side of the server: the meeting page, the dashboard, health, metrics, the API and the way to the signaling
// WebSocket.
// Called by: server.ts, which hands in what lies behind each route; nothing here knows of rooms or media.

import { type RequestListener, type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { fastify } from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { WindowCounters } from '../shared/cache/window-counters.ts';
import type { Clock } from '../shared/clock.ts';
import type { TlsPair } from '../shared/config/tls-pair.ts';
import type { Logger } from '../shared/log.ts';
import { Authenticator } from './authenticator.ts';
import type { Judge } from './authenticator.ts';
import { Cors } from './cors.ts';
import { clientTeller } from './forwarded.ts';
import type { TellClient } from './forwarded.ts';
import { Gate } from './gate.ts';
import { createHttpsServer, type HttpsServer } from './https-server.ts';
import { Idempotency } from './idempotency.ts';
import { Latency } from './latency.ts';
import * as limits from './limits.ts';
import { listenOptions } from './listen-options.ts';
import { servePage } from './page.ts';
import { GatewayProblem, PROBLEM_TYPE, problemDetails, problemOf } from './problem.ts';
import { RateLimits, rateRules } from './rate-limits.ts';
import type { RateTexts } from './rate-limits.ts';
import { requestId } from './request-id.ts';
import { Responder } from './responder.ts';
import type { Route } from './route.ts';
import { OTHER, serveRoutes } from './route-table.ts';
import { docsRoutes } from './routes/docs.ts';
import { devTokenRoute } from './routes/dev-token.ts';
import type { MintToken } from './routes/dev-token.ts';
import { healthRoutes, notReady, notServing } from './routes/health.ts';
import type { HealthOptions } from './routes/health.ts';
import { keyRoutes } from './routes/keys.ts';
import type { KeysApi } from './routes/keys.ts';
import { latencyRoute } from './routes/latency.ts';
import { metricsRoute } from './routes/metrics.ts';
import type { MetricsOptions } from './routes/metrics.ts';
import { operateRoutes } from './routes/operate.ts';
import type { OperateApi } from './routes/operate.ts';
import { overviewRoutes } from './routes/overview.ts';
import type { OverviewApi } from './routes/overview.ts';
import { participantRoutes } from './routes/participants.ts';
import type { ParticipantsApi } from './routes/participants.ts';
import { roomRoutes } from './routes/rooms.ts';
import type { RoomsApi } from './routes/rooms.ts';
import { tokenRoute } from './routes/tokens.ts';
import type { TokensApi } from './routes/tokens.ts';
import { turnRoutes } from './routes/turn.ts';
import type { TurnApi } from './routes/turn.ts';
import { whipRoutes } from './routes/whip.ts';
import type { WhipApi } from './routes/whip.ts';
import { acceptUpgrades } from './upgrade.ts';
import type { UpgradeHandler } from './upgrade.ts';

export interface GatewayOptions extends HealthOptions {
  clock: Clock;
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
  judge: Judge;
  limits: RateTexts;
  /** Origins whose pages may use the API; `*` for all. */
  cors: readonly string[];
  rooms: RoomsApi;
  participants: ParticipantsApi;
  tokens: TokensApi;
  keys: KeysApi;
  turn: TurnApi;
  operate: OperateApi;
  overview: OverviewApi;
  metrics: MetricsOptions;
  /** Where media is forwarded. */
  whip?: WhipApi | undefined;
  /** Development mode only. */
  mintToken?: MintToken | undefined;
}

export interface Gateway {
  /** How long its routes take. */
  readonly latency: Latency;
  /** What callers have taken of their limits. */
  readonly counters: WindowCounters;
  /** Resolves with the port that is bound; rejects with the system's error, such as EADDRINUSE. */
  listen(host: string, port: number): Promise<number>;
  /** What is shown to clients from now on, where it is served with TLS. */
  setCertificate(pair: TlsPair): void;
  /** Ends every connection. Idempotent. */
  close(): Promise<void>;
}

interface GatewayParts {
  readonly latency: Latency;
  readonly counters: WindowCounters;
  readonly destroyUpgraded: () => void;
  readonly https: HttpsServer | undefined;
  readonly options: GatewayOptions;
}

export function createGateway(options: GatewayOptions): Gateway {
  const { clock, log, tls } = options;
  const clientOf = clientTeller(options.trustedProxies ?? []);
  const latency = new Latency();
  const counters = new WindowCounters(WindowCounters.memory(limits.RATE_KEYS_MAX));
  const routes = routesOf(options, clientOf, latency);
  const gate = new Gate({
    clock,
    authenticator: new Authenticator(options.judge, clock),
    limits: new RateLimits(rateRules(options.limits, routes), counters),
    cors: new Cors(options.cors),
    latency,
    clientOf,
  });
  const responder = new Responder(clock, log);
  /** Also for what Fastify refuses before any hook. */
  const refuse = (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const exchange = request.exchange ?? gate.enter(request, latency.of(OTHER));
    let problem = problemOf(error);
    if (!problem) {
      exchange.fault = error;
      problem = new GatewayProblem(500, 'INTERNAL', 'The server failed; the log has the cause.');
    }
    responder.writeProblem(request, reply, problem, exchange.fields);
  };
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
    // The gate names requests.
    genReqId: () => '',
    // The table has HEAD wherever it has GET.
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    http: {
      headersTimeout: limits.HEADERS_TIMEOUT_MS,
      maxHeaderSize: limits.HEADER_BYTES_MAX,
      connectionsCheckingInterval: limits.CHECK_MS,
    },
    clientErrorHandler: refuseRaw,
    frameworkErrors: refuse,
  });
  app.server.maxConnections = limits.CONNECTIONS_MAX;
  app.removeContentTypeParser('text/plain');
  app.decorateRequest('exchange', null);
  app.setErrorHandler(refuse);
  app.setNotFoundHandler((request, reply) =>
    refuse(notFound(request.method, request.url), request, reply),
  );
  const parts = { gate, responder, latency, idempotency: new Idempotency(clock) };
  serveRoutes(app, routes, parts);
  if (options.webRoot !== undefined) servePage(app, options.webRoot, parts);
  const destroyUpgraded = acceptUpgrades(app.server, {
    path: options.signalPath,
    refuse: () => notServing(options),
    clientOf,
    handle: options.onUpgrade,
  });
  return gatewayOn(app, { destroyUpgraded, https, options, latency, counters });
}

/** Everything that is served but the page and WebSockets. */
function routesOf(options: GatewayOptions, clientOf: TellClient, latency: Latency): Route[] {
  const { clock, metrics } = options;
  const refuse = (): GatewayProblem | undefined => notReady(options);
  const routes = [
    ...healthRoutes(options),
    metricsRoute(metrics),
    latencyRoute({ latency, readers: metrics.readers, clock }),
    ...roomRoutes(options.rooms, refuse),
    ...participantRoutes(options.participants),
    tokenRoute(options.tokens),
    ...keyRoutes(options.keys),
    ...turnRoutes(options.turn, clientOf),
    ...operateRoutes(options.operate),
    ...overviewRoutes(options.overview),
    ...(options.whip ? whipRoutes({ api: options.whip, clientOf, refuse }) : []),
    ...(options.mintToken ? [devTokenRoute(options.mintToken)] : []),
  ];
  return [...routes, ...docsRoutes(options.version, routes)];
}

function gatewayOn(
  app: FastifyInstance,
  { latency, counters, destroyUpgraded, https, options: { log, reusePort = false } }: GatewayParts,
): Gateway {
  let closed: Promise<void> | undefined;
  return {
    latency,
    counters,
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

function notFound(method: string, url: string): GatewayProblem {
  const path = url.split('?', 1)[0] ?? '';
  const what = `${method} ${path.slice(0, 100)}`;
  return new GatewayProblem(404, 'NOT_FOUND', `There is nothing at ${what}; the page is at /.`);
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
  const body = JSON.stringify(
    problemDetails(new GatewayProblem(status, 'BAD_MESSAGE', detail), requestId()),
  );
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n` +
      `Content-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
