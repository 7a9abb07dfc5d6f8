// The gate: what happens to every request before its body is read, in one hook: it gets a name, it is found out who
// asks, how often they do, and whether the route is for them.
// Called by: the route table and the page, as Fastify's onRequest.

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../shared/clock.ts';
import { accessProblem } from './access.ts';
import type { Authenticator } from './authenticator.ts';
import { missingBearer } from './bearer.ts';
import type { Caller } from './caller.ts';
import type { Cors } from './cors.ts';
import type { TellClient } from './forwarded.ts';
import { Exchange } from './exchange.ts';
import type { Latency, RouteLatency } from './latency.ts';
import type { GatewayProblem } from './problem.ts';
import type { RateLimits, RoutePolicies } from './rate-limits.ts';
import { requestId } from './request-id.ts';
import type { Fields, Route } from './route.ts';

export interface GateParts {
  readonly clock: Clock;
  readonly authenticator: Authenticator;
  readonly limits: RateLimits;
  readonly cors: Cors;
  readonly latency: Latency;
  readonly clientOf: TellClient;
}

type Hook = (request: FastifyRequest, reply: FastifyReply, next: () => void) => void;

export class Gate {
  readonly #parts: GateParts;

  constructor(parts: GateParts) {
    this.#parts = parts;
  }

  /** Throws GatewayProblem for who may not. */
  hook(route: Route): Hook {
    const { latency, limits } = this.#parts;
    const of = latency.of(`${route.method} ${route.path}`);
    const policies = limits.policiesOf(route);
    const isShared = route.access !== 'address' && !hasOwnCors(route);
    const isForCallers = route.access !== 'address' && route.access !== 'bearer';
    return (request, _reply, next) => {
      const exchange = this.enter(request, of, route.fields);
      if (isShared) this.share(request);
      route.guard?.(request);
      if (isForCallers) this.#admit(route, policies, exchange, request);
      next();
    };
  }

  /** What every request gets, whatever it asks for. */
  enter(request: FastifyRequest, latency: RouteLatency, fields?: Fields): Exchange {
    const id = requestId(request.headers['x-request-id']);
    const exchange = new Exchange(id, this.#parts.clock.monotonic(), latency, fields);
    request.exchange = exchange;
    return exchange;
  }

  /** Lets pages of the origins that are configured read the answer, refusals included. */
  share({ headers, exchange }: FastifyRequest): boolean {
    const { origin } = headers;
    if (origin === undefined || exchange === null) return false;
    exchange.origin = this.#parts.cors.allowed(origin) ?? '';
    return exchange.origin !== '';
  }

  #admit(
    route: Route,
    policies: RoutePolicies,
    exchange: Exchange,
    { headers, raw }: FastifyRequest,
  ): void {
    const { limits, authenticator, clientOf } = this.#parts;
    const { authorization } = headers;
    if (route.access === 'public') {
      if (route.unlimited !== true) limits.chargeAddress(exchange, policies, clientOf(raw).address);
      return;
    }
    let caller: Caller | GatewayProblem | undefined;
    if (authorization === undefined) {
      caller = missingBearer();
    } else {
      caller = authenticator.known(authorization, exchange.startedAt);
      if (caller === undefined) {
        limits.checkAddress(exchange, policies, clientOf(raw).address);
        caller = authenticator.judge(authorization);
      }
    }
    if (caller instanceof Error) {
      limits.chargeAddress(exchange, policies, clientOf(raw).address);
      throw caller;
    }
    exchange.caller = caller;
    if (caller.kind !== 'anonymous') limits.chargeKey(exchange, policies, caller.key);
    const problem = accessProblem(route.access, caller);
    if (problem) throw problem;
  }
}

function hasOwnCors({ fields }: Route): boolean {
  return fields?.['access-control-allow-origin'] !== undefined;
}
