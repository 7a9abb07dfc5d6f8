// Who may read the numbers of the server without credentials: address ranges that the configuration names, by the
// address of the connection, and nobody who comes through a proxy: its address says nothing of who asks, and the header
// fields that would can be made up. There is no way to trust them.
// Called by: the routes of metrics and latency.

import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { isLoopback, rangeMatcher } from '../shared/config/network-values.ts';
import { isLoopbackHost } from './loopback-host.ts';
import { GatewayProblem } from './problem.ts';

/** @param readers address ranges, such as `10.0.0.0/8` */
export function readersOnly(readers: readonly string[]): (request: FastifyRequest) => void {
  const mayRead = rangeMatcher(readers);
  return (request) => {
    const peer = request.socket.remoteAddress ?? '';
    if (!mayRead(peer)) {
      throw refusal('This address may not read metrics; gateway.metrics lists those that may.');
    }
    if (isProxied(peer, request.headers)) {
      throw refusal(
        'Metrics are not served through a proxy; ask the server itself, on its machine as localhost.',
      );
    }
  };
}

/** A proxy on this machine that adds no header field is told by the public name, which it has to pass on. */
function isProxied(peer: string, headers: IncomingHttpHeaders): boolean {
  return (
    Object.keys(headers).some((name) =>
      /^(?:via|forwarded|x-forwarded-.*|x-real-ip)$/.test(name),
    ) ||
    (isLoopback(peer) && !isLoopbackHost(headers.host))
  );
}

function refusal(detail: string): GatewayProblem {
  return new GatewayProblem(403, 'NOT_ALLOWED', detail);
}
