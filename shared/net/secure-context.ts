// What our TLS servers speak, with one certificate: TLS 1.2 and 1.3 (RFC 9325).
// Called by: TURN over TLS, the gateway.

import { constants } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import type { TlsPair } from '../config/tls-pair.ts';

export function secureContextOf({ cert, key }: TlsPair): SecureContextOptions {
  return {
    cert,
    key,
    // RFC 9325 s3.1.1.
    minVersion: 'TLSv1.2',
    // A renegotiation costs the client nothing and the server a handshake.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  };
}
