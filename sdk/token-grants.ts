// What a token lets its holder send and receive, read out of its payload (RFC 7519 s3): an offer of more than that
// would be refused, and with it the join. The server alone checks the token.

import { decodeBase64 } from './base64.ts';

export interface TokenGrants {
  readonly canPublish: boolean;
  readonly canSubscribe: boolean;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every object has fields of unknown types
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function payloadOf(token: string): unknown {
  const text = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
  const bytes = decodeBase64(text);
  try {
    return JSON.parse(new TextDecoder().decode(bytes ?? new Uint8Array()));
  } catch {
    return null;
  }
}

/** Of a token that cannot be read: everything, as is the default of each grant. */
export function grantsOf(token: string): TokenGrants {
  const grants = fieldsOf(fieldsOf(payloadOf(token))['grants']);
  return {
    canPublish: grants['canPublish'] !== false && grants['hidden'] !== true,
    canSubscribe: grants['canSubscribe'] !== false,
  };
}

/** Empty where the token cannot be read. */
export function claimsOf(token: string): { room: string; identity: string } {
  const claims = fieldsOf(payloadOf(token));
  const { sub } = claims;
  const { room } = fieldsOf(claims['grants']);
  return {
    room: typeof room === 'string' ? room : '',
    identity: typeof sub === 'string' ? sub : '',
  };
}
