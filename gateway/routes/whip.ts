// WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep) as HTTP: `/v1/whip/{room}` to publish, `/v1/whep/{room}` to play,
// and the session resource that either makes. Methods, media types, header fields and CORS are here; what a session
// is, who may have one and whether a precondition holds are the callbacks' business. Called by: http-server.ts.

import type { FastifyRequest } from 'fastify';
import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { bearerIn } from '../bearer.ts';
import type { TellClient } from '../forwarded.ts';
import { GatewayProblem } from '../problem.ts';
import { defineRoute } from '../route.ts';
import type { Content, Fields, Route } from '../route.ts';

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

/** What is refused is rejected with as GatewayProblem. */
export interface WhipResource {
  /** Undefined when ICE was not restarted. `ifMatch` is the header field as it came. */
  patch(ifMatch: string | undefined, fragment: string): Promise<WhipRestart | undefined>;
  close(): Promise<void>;
}

export interface WhipApi {
  /** Charges the address one request: 0, or the milliseconds that it has to wait, and then nothing is charged. */
  waitMs(address: string): number;
  /** Rejects with a GatewayProblem. */
  open(offer: WhipOffer): Promise<WhipAnswer>;
  /** Rejects with a GatewayProblem when there is no such resource, or the bearer is not the one that made it. */
  find(target: WhipTarget): Promise<WhipResource>;
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

/** A bearer has to be sent by a script that knows it, so pages of every origin may ask; there are no cookies. */
const FIELDS: Fields = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Location, ETag, Link, Accept-Patch, Retry-After',
};

/** Each may come once; others are for who made the URL. */
const parameter = z.string({ error: 'expected once in the query' }).optional();
const offerQuery = z.object({ identity: parameter, name: parameter, participant: parameter });

const description: Content = { type: SDP, schema: z.string() };
const fragment: Content = { type: FRAGMENT, schema: z.string() };
const empty = z.undefined();
const oneRoom = z.object({ room: z.string() });
const oneSession = z.object({ room: z.string(), id: z.string() });

export function whipRoutes(options: WhipOptions): Route[] {
  const of = (protocol: WhipProtocol): Route[] =>
    endpoint(protocol, options).concat(resource(protocol, options));
  return of('whip').concat(of('whep'));
}

function endpoint(protocol: WhipProtocol, options: WhipOptions): Route[] {
  const { api } = options;
  const path = `/v1/${protocol}/{room}`;
  const shared = { path, access: 'bearer', params: oneRoom, fields: FIELDS } as const;
  const guard = (request: FastifyRequest): void => charge(options, request);
  return [
    defineRoute({
      ...shared,
      method: 'POST',
      summary: protocol === 'whip' ? 'Publishes into a room.' : 'Plays what a room publishes.',
      guard,
      query: offerQuery,
      body: description,
      response: { 201: description },
      handler: async ({ params: { room }, query, body, request, reply }) => {
        const problem = options.refuse();
        if (problem) throw problem;
        expectType(request, SDP);
        const { id, sdp, etag, iceServers } = await api.open({
          protocol,
          room,
          bearer: bearerIn(request.headers.authorization),
          sdp: textOf(body),
          identity: query.identity,
          name: query.name,
          participant: query.participant,
          host: options.clientOf(request.raw).host,
        });
        return reply(201, sdp, {
          'content-type': SDP,
          location: `/v1/${protocol}/${encodeURIComponent(room)}/${id}`,
          etag,
          'accept-patch': FRAGMENT,
          link: iceServers.flatMap(linksOf),
        });
      },
    }),
    // RFC 9725 s4.1: GET succeeds without content. draft-ietf-wish-whep-04 s4.2: players know an endpoint by the type
    // that HEAD is answered with.
    ...(['GET', 'HEAD'] as const).map((method) =>
      defineRoute({
        ...shared,
        method,
        summary: 'Tells that this is an endpoint.',
        guard,
        response: { 200: description, 204: empty },
        handler: ({ reply }) =>
          protocol === 'whep' ? reply(200, '', { 'content-type': SDP }) : reply(204, undefined),
      }),
    ),
    preflight(path, ENDPOINT_METHODS),
  ];
}

function resource(protocol: WhipProtocol, options: WhipOptions): Route[] {
  const { api } = options;
  const path = `/v1/${protocol}/{room}/{id}`;
  const shared = { path, access: 'bearer', params: oneSession, fields: FIELDS } as const;
  const guard = (request: FastifyRequest): void => charge(options, request);
  const find = (
    params: { room: string; id: string },
    { headers }: FastifyRequest,
  ): Promise<WhipResource> =>
    api.find({ protocol, ...params, bearer: bearerIn(headers.authorization) });
  return [
    defineRoute({
      ...shared,
      method: 'PATCH',
      summary: 'Restarts ICE of a session.',
      guard,
      body: fragment,
      response: { 200: fragment, 204: empty },
      handler: async ({ params, body, request, reply }) => {
        const found = await find(params, request);
        expectType(request, FRAGMENT);
        const restart = await found.patch(request.headers['if-match'], textOf(body));
        if (restart === undefined) return reply(204, undefined);
        return reply(200, restart.fragment, { 'content-type': FRAGMENT, etag: restart.etag });
      },
    }),
    defineRoute({
      ...shared,
      method: 'DELETE',
      summary: 'Ends a session.',
      guard,
      response: { 200: empty },
      handler: async ({ params, request, reply }) => {
        const found = await find(params, request);
        await found.close();
        return reply(200, undefined);
      },
    }),
    ...(['GET', 'HEAD'] as const).map((method) =>
      defineRoute({
        ...shared,
        method,
        summary: 'Tells that a session is there.',
        guard,
        response: { 204: empty },
        handler: async ({ params, request, reply }) => {
          await find(params, request);
          return reply(204, undefined);
        },
      }),
    ),
    preflight(path, RESOURCE_METHODS),
  ];
}

/** RFC 9725 s4.2. ICE servers are not for whoever asks: their credentials come with the answer. */
function preflight(path: string, methods: string): Route {
  return defineRoute({
    method: 'OPTIONS',
    path,
    summary: 'Tells pages of other origins what they may send.',
    access: 'bearer',
    fields: FIELDS,
    response: { 200: empty },
    handler: ({ reply }) =>
      reply(200, undefined, {
        allow: methods,
        'access-control-allow-methods': methods,
        'access-control-allow-headers': 'Authorization, Content-Type, If-Match',
        'access-control-max-age': String(PREFLIGHT_SECONDS),
        'accept-post': SDP,
        'accept-patch': FRAGMENT,
      }),
  });
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

function textOf(body: Buffer | undefined): string {
  if (body === undefined) return '';
  if (isUtf8(body)) return body.toString('utf8');
  throw new GatewayProblem(400, 'BAD_MESSAGE', 'The body is not UTF-8.');
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
