// Who may ask how often: each API key, each address that has shown no good bearer, and either of them at single routes.
// The answer says so in the fields of draft-ietf-httpapi-ratelimit-headers; who asks too often is told when to come
// back.
// Called by: the gate. Allocates: a text for the answer.

import { Take } from '../shared/cache/window-counters.ts';
import type { WindowCounters } from '../shared/cache/window-counters.ts';
import { addressKey } from '../shared/net/address-key.ts';
import { parseRate } from '../shared/config/rate.ts';
import type { Rate } from '../shared/config/rate.ts';
import { SternaError } from '../shared/errors.ts';
import type { Exchange } from './exchange.ts';
import { GatewayProblem } from './problem.ts';
import type { Route } from './route.ts';

interface RateRules {
  /** Undefined: any number. */
  readonly perKey: Rate | undefined;
  readonly perIp: Rate | undefined;
  /** By method and path as the table has them: `POST /v1/rooms`. */
  readonly routes: Readonly<Record<string, Rate>>;
}

/** What the configuration says, where an empty text is no limit. */
export interface RateTexts {
  readonly perKey: string;
  readonly perIp: string;
  readonly routes: Readonly<Record<string, string>>;
}

/** @throws SternaError `CONFIG_INVALID` for a route that is not there: it would quietly have no limit */
export function rateRules(texts: RateTexts, routes: readonly Route[]): RateRules {
  const names = new Set(routes.map(({ method, path }) => `${method} ${path}`));
  const entries = Object.entries(texts.routes).flatMap(([name, text]) => {
    if (!names.has(name)) {
      const why = `gateway.limits.routes: there is no route "${name.slice(0, 100)}"`;
      throw new SternaError('CONFIG_INVALID', why);
    }
    const rate = parseRate(text);
    return rate === undefined ? [] : [[name, rate] as const];
  });
  return {
    perKey: parseRate(texts.perKey),
    perIp: parseRate(texts.perIp),
    routes: Object.fromEntries(entries),
  };
}

interface Policy {
  readonly rate: Rate;
  /** Apart from what the same caller takes under other policies. */
  readonly prefix: string;
  /** Quoted, as a structured field has it. */
  readonly name: string;
  /** The field RateLimit-Policy. */
  readonly field: string;
}

/** What a route asks of its callers. */
export interface RoutePolicies {
  readonly key: Policy | undefined;
  readonly address: Policy | undefined;
  readonly route: Policy | undefined;
}

export class RateLimits {
  readonly #rules: RateRules;
  readonly #counters: WindowCounters;
  readonly #take = new Take();

  constructor(rules: RateRules, counters: WindowCounters) {
    this.#rules = rules;
    this.#counters = counters;
  }

  policiesOf({ method, path }: Route): RoutePolicies {
    const { perKey, perIp, routes } = this.#rules;
    const name = `${method} ${path}`;
    const own = Object.hasOwn(routes, name) ? routes[name] : undefined;
    return {
      key: perKey && policy('key', perKey, ''),
      address: perIp && policy('address', perIp, ''),
      route: own && policy('route', own, `${name} `),
    };
  }

  /** @throws GatewayProblem 429 */
  chargeKey(exchange: Exchange, policies: RoutePolicies, key: string): void {
    this.#charge(exchange, policies.key, policies.route, `key ${key}`);
  }

  /** @throws GatewayProblem 429 */
  chargeAddress(exchange: Exchange, policies: RoutePolicies, remoteAddress: string): void {
    if (isLoopback(remoteAddress)) return;
    this.#charge(exchange, policies.address, policies.route, addressKey(remoteAddress));
  }

  /** Before a bearer is judged, which costs more than it is to count: charges nothing. @throws GatewayProblem 429 */
  checkAddress(exchange: Exchange, { address }: RoutePolicies, remoteAddress: string): void {
    if (address === undefined || isLoopback(remoteAddress)) return;
    this.#spend(exchange, address, addressKey(remoteAddress), 0);
  }

  #charge(
    exchange: Exchange,
    general: Policy | undefined,
    route: Policy | undefined,
    who: string,
  ): void {
    if (general !== undefined) this.#spend(exchange, general, who, 1);
    if (route !== undefined) this.#spend(exchange, route, who, 1);
  }

  /** What the answer says of limits is of the last one that was looked at: the narrower one. */
  #spend(
    exchange: Exchange,
    { rate, prefix, name, field }: Policy,
    who: string,
    cost: number,
  ): void {
    const take = this.#take;
    const key = prefix === '' ? who : prefix + who;
    this.#counters.take(key, rate.limit, rate.windowMs, exchange.startedAt, cost, take);
    const seconds = Math.ceil(take.resetMs / 1000);
    exchange.ratePolicy = field;
    exchange.rateLimit = `${name};r=${take.remaining};t=${seconds}`;
    if (take.allowed) return;
    throw new GatewayProblem(
      429,
      'RATE_LIMITED',
      `That is more than ${rate.limit} requests in ${rate.windowMs / 1000} s; come back in ${seconds} s.`,
      { 'retry-after': String(seconds) },
    );
  }
}

function policy(kind: string, rate: Rate, prefix: string): Policy {
  const name = `"${kind}"`;
  return { rate, prefix, name, field: `${name};q=${rate.limit};w=${rate.windowMs / 1000}` };
}

/** This machine itself, or a proxy on it: who stands behind that is the proxy's to limit. */
function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address.startsWith('::ffff:127.');
}
