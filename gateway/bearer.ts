// The bearer of a request (RFC 6750 s2.1): a token, or `key:secret` of an API key, whose secret may be any text.
// Called by: the gate and the routes that judge it themselves.

import { GatewayProblem } from './problem.ts';

const BEARER = /^Bearer +([\x21-\x7e][\x20-\x7e]{0,8191})$/i;
const TOKEN = /^[\w.~+/-]+=*$/;

/** Undefined where there is none, or it can be neither. */
export function bearerIn(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  const bearer = BEARER.exec(authorization)?.[1];
  if (bearer === undefined || bearer.includes(':')) return bearer;
  const token = bearer.trimEnd();
  return TOKEN.test(token) ? token : undefined;
}

export function missingBearer(): GatewayProblem {
  return new GatewayProblem(
    401,
    'TOKEN_INVALID',
    'Send "Authorization: Bearer" with a token that grants it (sterna token --admin), or with ' +
      '<key>:<secret> of an API key.',
    { 'www-authenticate': 'Bearer' },
  );
}
