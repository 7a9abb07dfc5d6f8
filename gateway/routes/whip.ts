// WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep) as HTTP: `/v1/whip/{room}` to publish, `/v1/whep/{room}` to play, and
// the session resource that either makes. Methods, media types, header fields and CORS are here; what a session is,
// who may have one and whether a precondition holds are the callbacks' business.
// Called by: http-server.ts.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isUtf8 } from 'node:buffer';
import type { TellClient } from '../forwarded.ts';
import { GatewayProblem } from '../problem.ts';

export type WhipProtocol = 'whip' | 'whep';

export interface WhipOffer {
  readonly protocol: WhipProtocol;
  readonly room: string;
  /** Undefined where the request had none. */
  readonly bearer: string | undefined;
  readonly sdp: string;
  /** Of the query; each may be missing. */
  readonly identity: string | undefined;
  readonly name: string | undefined;
  readonly participant: string | undefined;
  /** What the client takes this server for. */
  readonly host: string;
}

export interface WhipIceServer {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

export interface WhipAnswer {
  readonly id: string;
  readonly sdp: string;
  /** Entity-tag of the ICE session, in its quotes. */
  readonly etag: string;
  readonly iceServers: readonly WhipIceServer[];
}

/** A session resource, and who asks for it. */
export interface WhipTarget {
  readonly protocol: WhipProtocol;
  readonly room: string;
  readonly id: string;
  readonly bearer: string | undefined;
}

export interface WhipRestart {
  readonly fragment: string;
  /** That of the new ICE session. */
  readonly etag: string;
}

/** What is refused is thrown as GatewayProblem. */
export interface WhipResource {
  /** Undefined when ICE was not restarted. `ifMatch` is the header field as it came. */
  patch(ifMatch: string | undefined, fragment: string): WhipRestart | undefined;
  close(): void;
}

export interface WhipApi {
  /** Charges the address one request: 0, or the milliseconds that it has to wait, and then nothing is charged. */
  waitMs(address: string): number;
  /** @throws GatewayProblem */
  open(offer: WhipOffer): WhipAnswer;
  /** @throws GatewayProblem when there is no such resource, or the bearer is not the one that made it. */
  find(target: WhipTarget): WhipResource;
}

export interface WhipOptions {
  readonly api: WhipApi;
  readonly clientOf: TellClient;
  /** Why no new session is taken on right now. */
  refuse(): GatewayProblem | undefined;
}

const SDP = 'application/sdp';
/** RFC 8840 s9. */
const FRAGMENT = 'application/trickle-ice-sdpfrag';
/** How long a browser need not send a preflight again. */
const PREFLIGHT_SECONDS = 86_400;

const ENDPOINT_METHODS = 'POST, GET, HEAD, OPTIONS';
const RESOURCE_METHODS = 'PATCH, DELETE, GET, HEAD, OPTIONS';

interface EndpointRoute {
  Params: { room: string };
  Querystring: { identity?: unknown; name?: unknown; participant?: unknown };
}

interface ResourceRoute {
  Params: { room: string; id: string };
}

export function whipRoutes(app: FastifyInstance, options: WhipOptions): void {
  void app.register((scope, _options, done) => {
    // Which type a body has to have is the route's business.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, parsed) =>
      parsed(null, body),
    );
    scope.addHook('onRequest', (request, reply, next) => {
      allowOrigins(reply);
      if (request.method !== 'OPTIONS') charge(options, request);
      next();
    });
    for (const protocol of ['whip', 'whep'] as const) {
      endpoint(scope, protocol, options);
      resource(scope, protocol, options.api);
    }
    done();
  });
}

function endpoint(scope: FastifyInstance, protocol: WhipProtocol, options: WhipOptions): void {
  const url = `/v1/${protocol}/:room`;
  scope.post<EndpointRoute>(url, (request, reply) => {
    const problem = options.refuse();
    if (problem) throw problem;
    expectType(request, SDP);
    const { room } = request.params;
    const { identity, name, participant } = request.query;
    const { id, sdp, etag, iceServers } = options.api.open({
      protocol,
      room,
      bearer: bearerOf(request),
      sdp: textOf(request.body),
      identity: parameter('identity', identity),
      name: parameter('name', name),
      participant: parameter('participant', participant),
      host: options.clientOf(request.raw).host,
    });
    return reply
      .code(201)
      .headers({
        'content-type': SDP,
        location: `/v1/${protocol}/${encodeURIComponent(room)}/${id}`,
        etag,
        'accept-patch': FRAGMENT,
        link: iceServers.flatMap(linksOf),
      })
      .send(Buffer.from(sdp));
  });
  scope.options(url, (_request, reply) => preflight(reply, ENDPOINT_METHODS));
  // RFC 9725 s4.1: GET succeeds without content. draft-ietf-wish-whep-04 s4.2: players know an endpoint by the type
  // that HEAD is answered with.
  scope.get(url, (_request, reply) =>
    protocol === 'whep'
      ? reply.header('content-type', SDP).send(Buffer.alloc(0))
      : reply.code(204).send(),
  );
  refuseOthers(scope, url, ['PUT', 'PATCH', 'DELETE'], ENDPOINT_METHODS);
}

function resource(scope: FastifyInstance, protocol: WhipProtocol, api: WhipApi): void {
  const url = `/v1/${protocol}/:room/:id`;
  const find = (request: FastifyRequest<ResourceRoute>): WhipResource =>
    api.find({ protocol, ...request.params, bearer: bearerOf(request) });
  scope.patch<ResourceRoute>(url, (request, reply) => {
    const found = find(request);
    expectType(request, FRAGMENT);
    const restart = found.patch(request.headers['if-match'], textOf(request.body));
    if (restart === undefined) return reply.code(204).send();
    return reply
      .headers({ 'content-type': FRAGMENT, etag: restart.etag })
      .send(Buffer.from(restart.fragment));
  });
  scope.delete<ResourceRoute>(url, (request, reply) => {
    find(request).close();
    return reply.code(200).send();
  });
  scope.get<ResourceRoute>(url, (request, reply) => {
    find(request);
    return reply.code(204).send();
  });
  scope.options(url, (_request, reply) => preflight(reply, RESOURCE_METHODS));
  refuseOthers(scope, url, ['PUT', 'POST'], RESOURCE_METHODS);
}

/** A bearer has to be sent by a script that knows it, so pages of every origin may ask; there are no cookies. */
function allowOrigins(reply: FastifyReply): void {
  void reply.headers({
    'access-control-allow-origin': '*',
    'access-control-expose-headers': 'Location, ETag, Link, Accept-Patch, Retry-After',
    'cache-control': 'no-store',
  });
}

/** RFC 9725 s4.2. ICE servers are not for whoever asks: their credentials come with the answer. */
function preflight(reply: FastifyReply, methods: string): FastifyReply {
  return reply
    .code(200)
    .headers({
      allow: methods,
      'access-control-allow-methods': methods,
      'access-control-allow-headers': 'Authorization, Content-Type, If-Match',
      'access-control-max-age': String(PREFLIGHT_SECONDS),
      'accept-post': SDP,
      'accept-patch': FRAGMENT,
    })
    .send();
}

function refuseOthers(
  scope: FastifyInstance,
  url: string,
  methods: ('PUT' | 'PATCH' | 'POST' | 'DELETE')[],
  allow: string,
): void {
  const refuse = (): never => {
    throw new GatewayProblem(405, 'METHOD', `This path takes ${allow} only.`, { allow });
  };
  scope.route({ method: methods, url, onRequest: refuse, handler: refuse });
}

/** RFC 9725 s5: against floods, before anything is read. */
function charge({ api, clientOf }: WhipOptions, request: FastifyRequest): void {
  const waitMs = api.waitMs(clientOf(request.raw).address);
  if (waitMs === 0) return;
  throw new GatewayProblem(429, 'RATE_LIMITED', 'Too many requests from this address.', {
    'retry-after': String(Math.ceil(waitMs / 1000)),
  });
}

/** RFC 9110 s8.3.1: whatever parameters it has. */
function expectType({ headers }: FastifyRequest, type: string): void {
  const essence = (headers['content-type'] ?? '').split(';', 1)[0] ?? '';
  if (essence.trim().toLowerCase() === type) return;
  throw new GatewayProblem(415, 'MEDIA_TYPE', `Send the body as Content-Type: ${type}.`);
}

function textOf(body: unknown): string {
  if (!(body instanceof Buffer)) return '';
  if (isUtf8(body)) return body.toString('utf8');
  throw new GatewayProblem(400, 'BAD_MESSAGE', 'The body is not UTF-8.');
}

/** RFC 6750 s2.1; wider than that, since the secret of an API key may be any text. */
function bearerOf({ headers }: FastifyRequest): string | undefined {
  return /^Bearer +([\x21-\x7e][\x20-\x7e]{0,8191})$/i.exec(headers.authorization ?? '')?.[1];
}

function parameter(name: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw new GatewayProblem(400, 'BAD_MESSAGE', `${name}: expected once in the query.`);
}

/** RFC 9725 s4.6: a Link (RFC 8288) for each URL; not for what a header field cannot say. */
function linksOf({ urls, username, credential }: WhipIceServer): string[] {
  const attributes =
    username === undefined || credential === undefined
      ? ''
      : `; username=${quoted(username)}; credential=${quoted(credential)}; credential-type="password"`;
  const links = urls.map((url) => `<${url}>; rel="ice-server"${attributes}`);
  return links.filter((link) => /^[\x20-\x7e]*$/.test(link));
}

/** RFC 9110 s5.6.4. */
function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
