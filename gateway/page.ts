// The meeting page and the dashboard: files of one folder, and the header fields that keep what runs in it to itself.
// Called by: http-server.ts.

import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import type { TableParts } from './route-table.ts';

const POLICY = [
  "default-src 'self'",
  "connect-src 'self' ws: wss:",
  "img-src 'self' data: blob:",
  "media-src 'self' blob: mediastream:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join(';');

/** No Strict-Transport-Security: TLS ends at a proxy in front, and so does the decision about it. */
const PAGE_FIELDS = {
  // Files keep their names from one version to the next, so a browser asks each time (and is told 304).
  'cache-control': 'no-cache',
  'content-security-policy': POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'permissions-policy':
    'camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

export function servePage(
  app: FastifyInstance,
  root: string,
  { gate, responder, latency }: TableParts,
): void {
  void app.register(async (scope) => {
    const files = latency.of('page');
    scope.addHook('onRequest', (request, reply, next) => {
      gate.enter(request, files);
      void reply.headers(PAGE_FIELDS);
      next();
    });
    scope.addHook('onSend', (request, reply, _payload, next) => {
      responder.stamp(request, reply);
      next();
    });
    // What the dashboard loads stands beside it. A browser keeps the fragment, which has the token.
    scope.get('/dashboard', (_request, reply) => reply.redirect('dashboard/'));
    await scope.register(fastifyStatic, {
      root,
      index: ['index.html'],
      dotfiles: 'ignore',
      decorateReply: false,
      cacheControl: false,
      // The build leaves both forms beside each file.
      preCompressed: true,
    });
  });
}
