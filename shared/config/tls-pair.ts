// A certificate and its private key in the PEM files that the configuration names, and whether they go together.
// Called by: load.ts at the start, the host of TLS listeners whenever the files have changed.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { needsCertificate } from './network-values.ts';
import type { Problem } from './relations.ts';
import type { Settings } from './schema.ts';

export interface TlsPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** What is wrong with a pair: which of the two, and what was expected of it. */
export interface TlsPairProblem {
  readonly field: keyof TlsPair;
  readonly expected: string;
}

export function tlsPairProblem({ cert, key }: TlsPair): TlsPairProblem | undefined {
  const certificate = attempt(() => new X509Certificate(cert));
  if (certificate === undefined) return { field: 'cert', expected: 'a certificate in PEM' };
  const privateKey = attempt(() => createPrivateKey(key));
  if (privateKey === undefined) {
    return { field: 'key', expected: 'a private key in PEM, without a passphrase' };
  }
  if (!certificate.checkPrivateKey(privateKey)) {
    return { field: 'key', expected: 'the private key of the certificate in turn.tls.cert' };
  }
  if (attempt(() => createSecureContext({ cert, key })) === undefined) {
    return { field: 'cert', expected: 'a certificate and a chain that OpenSSL takes' };
  }
  return undefined;
}

/** What is wrong with the files, where the configuration has a use for them. */
export function findTlsProblem({ turn }: Settings): Problem | undefined {
  if (!turn.listeners.some((url) => needsCertificate(url))) return undefined;
  const pair = { cert: Buffer.alloc(0), key: Buffer.alloc(0) };
  for (const field of ['cert', 'key'] as const) {
    const bytes = attempt(() => readFileSync(turn.tls[field]));
    if (bytes === undefined) {
      const expected = 'a file that this user can read';
      return { path: ['turn', 'tls', field], expected, value: turn.tls[field] };
    }
    pair[field] = bytes;
  }
  const problem = tlsPairProblem(pair);
  if (problem === undefined) return undefined;
  const { field, expected } = problem;
  return { path: ['turn', 'tls', field], expected, value: turn.tls[field] };
}

function attempt<Result>(make: () => Result): Result | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
