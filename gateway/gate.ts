// The gate: what happens to every request before its body is read, in one hook: who asks, and whether the route is
// for them.
// Called by: the route table and the page, as Fastify's onRequest.

import type { FastifyReply, FastifyRequest } from 'fastify';
import { accessProblem } from './access.ts';
import { bearerIn } from './bearer.ts';
import { ANONYMOUS } from './caller.ts';
import type { Caller } from './caller.ts';
import { Exchange } from './exchange.ts';
import type { GatewayProblem } from './problem.ts';
import type { Route } from './route.ts';

export interface GateOptions {
  /** Whose bearer it is: a token, or `key:secret`; or why it counts for nothing. Never throws. */
  authenticate(bearer: string): Caller | GatewayProblem;
}

type Hook = (request: FastifyRequest, reply: FastifyReply, next: () => void) => void;

export class Gate {
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Throws GatewayProblem for who may not. */
  hook(route: Route | undefined): Hook {
    return (request, _reply, next) => {
      const exchange = new Exchange(route);
      request.exchange = exchange;
      if (route !== undefined) {
        route.guard?.(request);
        if (isForCallers(route)) exchange.caller = this.#callerOf(request);
        const problem = accessProblem(route.access, exchange.caller);
        if (problem) throw problem;
      }
      next();
    };
  }

  #callerOf({ headers }: FastifyRequest): Caller {
    const bearer = bearerIn(headers.authorization);
    if (bearer === undefined) return ANONYMOUS;
    const verdict = this.#options.authenticate(bearer);
    if (verdict instanceof Error) throw verdict;
    return verdict;
  }
}

/** The others judge the bearer themselves, or look at none. */
function isForCallers({ access }: Route): boolean {
  return access !== 'public' && access !== 'address' && access !== 'bearer';
}
