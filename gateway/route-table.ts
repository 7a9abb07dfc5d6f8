// The table of routes as Fastify serves it: each path with its methods, and 405 (RFC 9110 s15.5.6) for all others.
// Called by: http-server.ts. What a route takes goes through its schemas here, and its room to the judgement of
// access.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { accessProblem } from './access.ts';
import { ANONYMOUS } from './caller.ts';
import type { Caller } from './caller.ts';
import { writeAnswer } from './exchange.ts';
import type { Gate } from './gate.ts';
import type { Idempotency } from './idempotency.ts';
import { parsed } from './parsed.ts';
import { GatewayProblem } from './problem.ts';
import { isContent } from './route.ts';
import type { Answer, Method, Route } from './route.ts';

const METHODS: readonly Method[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** A method twice at a path is a defect of the table, and fails here. */
export function serveRoutes(
  app: FastifyInstance,
  routes: readonly Route[],
  gate: Gate,
  idempotency: Idempotency,
): void {
  const paths = new Map<string, Route[]>();
  for (const route of routes) paths.set(route.path, [...(paths.get(route.path) ?? []), route]);
  const scoped = (wanted: boolean) => async (scope: FastifyInstance) => {
    if (wanted) takeAnyType(scope);
    for (const route of routes) {
      if (takesAnyType(route) !== wanted) continue;
      const siblings = paths.get(route.path) ?? [];
      const addsHead = route.method === 'GET' && !siblings.some(({ method }) => method === 'HEAD');
      scope.route({
        method: addsHead ? ['GET', 'HEAD'] : route.method,
        url: fastifyPath(route.path),
        onRequest: gate.hook(route),
        handler: handlerOf(route, idempotency),
      });
    }
  };
  void app.register(scoped(false));
  void app.register(scoped(true));
  for (const [path, siblings] of paths) refuseOthers(app, path, siblings);
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

function refuseOthers(app: FastifyInstance, path: string, siblings: readonly Route[]): void {
  const methods = siblings.map(({ method }) => method);
  const allow = methods.join(', ');
  const taken = new Set<Method>(methods.includes('GET') ? [...methods, 'HEAD'] : methods);
  const refuse = (request: FastifyRequest): never => {
    const at = request.url.split('?', 1)[0] ?? '';
    const detail = `${at.slice(0, 100)} takes ${allow} only.`;
    throw new GatewayProblem(405, 'METHOD', detail, { ...siblings[0]?.fields, allow });
  };
  app.route({
    method: METHODS.filter((method) => !taken.has(method)),
    url: fastifyPath(path),
    onRequest: refuse,
    handler: refuse,
  });
}

function fastifyPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

type AnyCall = Parameters<Route['handler']>[0];

function handlerOf(
  route: Route,
  idempotency: Idempotency,
): (request: FastifyRequest, reply: FastifyReply) => unknown {
  const repeats = route.method === 'POST' && route.access !== 'bearer' && route.access !== 'public';
  return (request, reply) => {
    const call = callOf(route, request);
    const execute = (): Answer | Promise<Answer> => route.handler(call);
    const answer =
      repeats && request.headers['idempotency-key'] !== undefined
        ? idempotency.once(request, whoIs(call.caller), execute)
        : execute();
    if (!(answer instanceof Promise)) return writeAnswer(request, reply, answer);
    return answer.then((late) => writeAnswer(request, reply, late));
  };
}

/** @throws GatewayProblem for what the schemas or the access of the room refuse */
function callOf(route: Route, request: FastifyRequest): AnyCall {
  const params = route.params && parsed(route.params, request.params);
  const query = route.query && parsed(route.query, request.query);
  const body = bodyOf(route, request);
  const caller = request.exchange?.caller ?? ANONYMOUS;
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
