// Limits of addresses, at the gate itself: requests from where no test can connect from.

import type { FastifyReply, FastifyRequest } from 'fastify';
import { beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { Authenticator } from '../../../gateway/authenticator.ts';
import { Cors } from '../../../gateway/cors.ts';
import { clientTeller } from '../../../gateway/forwarded.ts';
import { Gate } from '../../../gateway/gate.ts';
import { Latency } from '../../../gateway/latency.ts';
import { GatewayProblem } from '../../../gateway/problem.ts';
import { RateLimits, rateRules } from '../../../gateway/rate-limits.ts';
import { defineRoute } from '../../../gateway/route.ts';
import { WindowCounters } from '../../../shared/cache/window-counters.ts';
import { adminWith } from '../../support/no-apis.ts';
import { testClock } from '../signaling/test-clock.ts';

const route = defineRoute({
  method: 'GET',
  path: '/v1/x',
  summary: 'Nothing.',
  access: 'server-admin',
  response: { 204: z.undefined() },
  handler: ({ reply }) => reply(204, undefined),
});

let judged = 0;
let ask: (remoteAddress: string, bearer?: string) => number;

beforeEach(() => {
  judged = 0;
  const clock = testClock();
  const judge = (bearer: string) => {
    judged++;
    if (bearer.startsWith('good')) return { caller: adminWith(bearer), expiresAt: Infinity };
    return new GatewayProblem(401, 'TOKEN_INVALID', 'No.');
  };
  const rules = rateRules({ perKey: '100/m', perIp: '3/m', routes: {} }, [route]);
  const gate = new Gate({
    clock,
    authenticator: new Authenticator({ judge }, clock),
    limits: new RateLimits(rules, new WindowCounters(WindowCounters.memory(100))),
    cors: new Cors([]),
    latency: new Latency(),
    clientOf: clientTeller([]),
  });
  const hook = gate.hook(route);
  ask = (remoteAddress, bearer) => {
    const headers = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
    const raw = { headers, socket: { remoteAddress } };
    const request = { headers, raw } as unknown as FastifyRequest;
    try {
      hook(request, {} as FastifyReply, () => {});
      return 200;
    } catch (error) {
      return error instanceof GatewayProblem ? error.status : 0;
    }
  };
});

const times = (count: number, remoteAddress: string, bearer?: string): number[] =>
  Array.from({ length: count }, () => ask(remoteAddress, bearer));

test('who shows no good bearer is counted by address, an IPv6 host by its /64', () => {
  expect(times(4, '192.0.2.1')).toEqual([401, 401, 401, 429]);
  expect(ask('::ffff:192.0.2.1')).toBe(429);
  expect(ask('192.0.2.2')).toBe(401);
  expect(times(3, '2001:db8::1', 'bad')).toEqual([401, 401, 401]);
  expect(ask('2001:db8::ffff:2')).toBe(429);
  expect(ask('2001:db8:0:1::1')).toBe(401);
});

test('a bad bearer is not even judged when its address has had enough; a known one goes on', () => {
  expect(ask('192.0.2.1', 'good1')).toBe(200);
  expect(times(5, '192.0.2.1', 'bad')).toEqual([401, 401, 401, 429, 429]);
  expect(judged).toBe(4);
  expect(ask('192.0.2.1', 'good1')).toBe(200);
  expect(ask('192.0.2.1', 'good2')).toBe(429);
  expect(ask('192.0.2.3', 'good2')).toBe(200);
});

test('good bearers cost their address nothing', () => {
  expect(times(10, '192.0.2.1', 'good')).toEqual(Array(10).fill(200));
  for (let n = 0; n < 10; n++) expect(ask('192.0.2.1', `good${n}`)).toBe(200);
  expect(times(4, '192.0.2.1', 'bad')).toEqual([401, 401, 401, 429]);
});
