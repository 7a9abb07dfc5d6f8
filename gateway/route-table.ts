// The table of routes as Fastify serves it: each path with its methods, and 405 (RFC 9110 s15.5.6) for all others.
// Called by: http-server.ts. What a route takes goes through its schemas here, and its room to the judgement of access.

import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { accessProblem } from './access.ts';
import type { Caller } from './caller.ts';
import { preflightFields } from './cors.ts';
import { exchangeOf } from './exchange.ts';
import type { Gate } from './gate.ts';
import type { Idempotency } from './idempotency.ts';
import type { Latency } from './latency.ts';
import { parsed } from './parsed.ts';
import { GatewayProblem } from './problem.ts';
import { PreparedAnswer } from './responder.ts';
import type { Responder } from './responder.ts';
import { isContent } from './route.ts';
import type { Answer, Method, Route } from './route.ts';

const METHODS: readonly Method[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Of requests that no route is for. */
export const OTHER = 'other';

export interface TableParts {
  readonly gate: Gate;
  readonly responder: Responder;
  readonly latency: Latency;
  readonly idempotency: Idempotency;
}

/** A method twice at a path is a defect of the table: then listening fails. */
export function serveRoutes(
  app: FastifyInstance,
  routes: readonly Route[],
  parts: TableParts,
): void {
  const paths = new Map<string, Route[]>();
  for (const route of routes) paths.set(route.path, [...(paths.get(route.path) ?? []), route]);
  const optionsOf = (route: Route): RouteOptions => {
    const siblings = paths.get(route.path) ?? [];
    const addsHead = route.method === 'GET' && !siblings.some(({ method }) => method === 'HEAD');
    return {
      method: addsHead ? ['GET', 'HEAD'] : route.method,
      url: fastifyPath(route.path),
      onRequest: parts.gate.hook(route),
      handler: handlerOf(route, parts),
    };
  };
  void app.register(async (scope) => {
    for (const route of routes) if (!takesAnyType(route)) scope.route(optionsOf(route));
  });
  void app.register(async (scope) => {
    takeAnyType(scope);
    for (const route of routes) if (takesAnyType(route)) scope.route(optionsOf(route));
    for (const [path, siblings] of paths) scope.route(otherMethods(path, siblings, parts));
  });
}

/** Where a body is not JSON, its type is the route's business; where there is none to be, nobody's. */
function takesAnyType({ body }: Route): boolean {
  return body === undefined || isContent(body);
}

function takeAnyType(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
}

function otherMethods(path: string, siblings: readonly Route[], parts: TableParts): RouteOptions {
  const { gate, responder, latency } = parts;
  const methods = siblings.map(({ method }) => method);
  const allow = methods.join(', ');
  const fields = siblings[0]?.fields;
  const taken = new Set<Method>(methods.includes('GET') ? [...methods, 'HEAD'] : methods);
  const preflight = new PreparedAnswer(
    { status: 204, body: undefined, fields: preflightFields(methods) },
    fields,
  );
  const others = latency.of(OTHER);
  const isShared = fields === undefined && siblings.some(({ access }) => access !== 'address');
  return {
    method: METHODS.filter((method) => !taken.has(method)),
    url: fastifyPath(path),
    onRequest: (request, reply) => {
      gate.enter(request, others);
      const mayRead = isShared && gate.share(request);
      const asked = request.headers['access-control-request-method'];
      if (mayRead && request.method === 'OPTIONS' && asked !== undefined) {
        return responder.write(request, reply, preflight);
      }
      const at = request.url.split('?', 1)[0] ?? '';
      const detail = `${at.slice(0, 100)} takes ${allow} only.`;
      const problem = new GatewayProblem(405, 'METHOD', detail, { allow });
      return responder.writeProblem(request, reply, problem, fields);
    },
    handler: () => undefined,
  };
}

function fastifyPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

type AnyCall = Parameters<Route['handler']>[0];

type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown;

function handlerOf(route: Route, { responder, idempotency }: TableParts): Handler {
  const { fields } = route;
  const repeats = route.method === 'POST' && route.access !== 'bearer' && route.access !== 'public';
  const write = (request: FastifyRequest, reply: FastifyReply, answer: Answer): void =>
    responder.write(
      request,
      reply,
      answer instanceof PreparedAnswer ? answer : new PreparedAnswer(answer, fields),
    );
  return (request, reply) => {
    const call = callOf(route, request);
    const execute = (): Answer | Promise<Answer> => route.handler(call);
    const answer =
      repeats && request.headers['idempotency-key'] !== undefined
        ? idempotency.once(request, whoIs(call.caller), execute)
        : execute();
    if (!(answer instanceof Promise)) return write(request, reply, answer);
    return answer.then((late) => write(request, reply, late));
  };
}

/** @throws GatewayProblem for what the schemas or the access of the room refuse */
function callOf(route: Route, request: FastifyRequest): AnyCall {
  const params = route.params && parsed(route.params, request.params);
  const query = route.query && parsed(route.query, request.query);
  const body = bodyOf(route, request);
  const { caller } = exchangeOf(request);
  const room = route.roomOf?.(body) ?? roomIn(request.params);
  const problem = accessProblem(route.access, caller, room);
  if (problem) throw problem;
  return { params, query, body, caller, request, reply: answerWith };
}

function whoIs(caller: Caller): string {
  if (caller.kind === 'anonymous') return '';
  return caller.kind === 'key' ? caller.key : `${caller.key} ${caller.identity ?? ''}`;
}

function bodyOf({ body }: Route, request: FastifyRequest): unknown {
  return body === undefined || isContent(body) ? request.body : parsed(body, request.body);
}

function roomIn(params: unknown): string | undefined {
  const isNamed = typeof params === 'object' && params !== null && 'room' in params;
  return isNamed && typeof params.room === 'string' ? params.room : undefined;
}

function answerWith(status: number, body: unknown, fields?: Answer['fields']): Answer {
  return { status, body, fields };
}
