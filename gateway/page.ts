// The meeting page: files of one folder, and the header fields that keep what runs in it to itself.
// Called by: http-server.ts.

import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import type { Gate } from './gate.ts';

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

/** RFC 6797: half a year, which whoever gives up TLS has to wait for. */
export const HSTS = { 'strict-transport-security': `max-age=${180 * 86_400}` };

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

/** @param isHttps where TLS ends at a proxy in front, so does the decision about HSTS */
export function servePage(app: FastifyInstance, root: string, gate: Gate, isHttps: boolean): void {
  void app.register(async (scope) => {
    const fields = isHttps ? { ...PAGE_FIELDS, ...HSTS } : PAGE_FIELDS;
    const enter = gate.hook(undefined);
    scope.addHook('onRequest', (request, reply, next) => {
      void reply.headers(fields);
      enter(request, reply, next);
    });
    await scope.register(fastifyStatic, {
      root,
      index: ['index.html'],
      dotfiles: 'ignore',
      decorateReply: false,
      cacheControl: false,
    });
  });
}
