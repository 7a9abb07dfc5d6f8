// The configuration under `gateway`: the HTTP server, who may ask it and how often.
// Called by: schema.ts.
/* oxlint-disable typescript/explicit-module-boundary-types, typescript/explicit-function-return-type -- zod infers them */

import { z } from 'zod';
import { parseRate } from './rate.ts';
import {
  checked,
  cidr,
  filePath,
  integer,
  listOf,
  origin,
  text,
  tlsFiles,
} from './schema-values.ts';

const rate = checked(
  (value) => value === '' || parseRate(value) !== undefined,
  'a number of requests and s, m or h, such as 600/m',
);

export const gateway = z.strictObject({
  port: integer(0, 65_535)
    .default(7880)
    .describe('TCP port of the page, the API and the signaling WebSocket; 0 takes a free one'),
  metrics: listOf(cidr, 64)
    .default(['127.0.0.0/8', '::1/128'])
    .describe(
      'Address ranges that may read /metrics, directly and not through a proxy; [] for none',
    ),
  tls: tlsFiles('for HTTPS and WSS instead of HTTP; empty where a proxy ends TLS')
    .prefault({})
    .describe('The certificate of the port; read again when the files change, and on SIGHUP'),
  trustedProxies: listOf(cidr, 64)
    .default([])
    .describe(
      'Proxies whose Forwarded and X-Forwarded-For, -Proto and -Host are believed; [] for none',
    ),
  reusePort: z
    .boolean({ error: 'true or false' })
    .default(false)
    .describe('Share the port with other servers of this user that say so too (SO_REUSEPORT)'),
  cors: listOf(origin, 64)
    .default([])
    .describe('Web origins whose pages may use the API from a browser; "*" for all'),
  keysFile: filePath
    .default('')
    .describe('File where API keys made by the API are kept; empty where there are none'),
  limits: z
    .strictObject({
      perKey: rate
        .default('6000/m')
        .describe('Requests of one API key and the tokens that it signs; empty for any number'),
      perIp: rate
        .default('600/m')
        .describe(
          'Requests without a good bearer from one IPv4 address or IPv6 /64; empty for any number',
        ),
      routes: z
        .record(text(1, 128, 'a route'), rate)
        .default({})
        .describe('Limits of single routes, such as "POST /v1/rooms": 60/m, for each of these'),
    })
    .prefault({})
    .describe('How often the API may be asked: times in any s, m or h'),
});
