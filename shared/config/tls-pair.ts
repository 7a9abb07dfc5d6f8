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

/** The part of the configuration that names the files. */
export type TlsGroup = 'turn' | 'gateway';

/** What is wrong with a pair: which of the two, and what was expected of it. */
export interface TlsPairProblem {
  readonly field: keyof TlsPair;
  readonly expected: string;
}

export function tlsPairProblem(
  { cert, key }: TlsPair,
  group: TlsGroup,
): TlsPairProblem | undefined {
  const certificate = attempt(() => new X509Certificate(cert));
  if (certificate === undefined) return { field: 'cert', expected: 'a certificate in PEM' };
  const privateKey = attempt(() => createPrivateKey(key));
  if (privateKey === undefined) {
    return { field: 'key', expected: 'a private key in PEM, without a passphrase' };
  }
  if (!certificate.checkPrivateKey(privateKey)) {
    const expected = `the private key of the certificate in ${group}.tls.cert`;
    return { field: 'key', expected };
  }
  if (attempt(() => createSecureContext({ cert, key })) === undefined) {
    return { field: 'cert', expected: 'a certificate and a chain that OpenSSL takes' };
  }
  return undefined;
}

/** What is wrong with the files, where the configuration has a use for them. */
export function findTlsProblem({ turn, gateway }: Settings): Problem | undefined {
  const ofTurn = turn.listeners.some((url) => needsCertificate(url)) ? turn.tls : undefined;
  const ofGateway = gateway.tls.cert === '' ? undefined : gateway.tls;
  return filesProblem('turn', ofTurn) ?? filesProblem('gateway', ofGateway);
}

function filesProblem(
  group: TlsGroup,
  files: { readonly cert: string; readonly key: string } | undefined,
): Problem | undefined {
  if (files === undefined) return undefined;
  const pair = { cert: Buffer.alloc(0), key: Buffer.alloc(0) };
  for (const field of ['cert', 'key'] as const) {
    const bytes = attempt(() => readFileSync(files[field]));
    if (bytes === undefined) {
      const expected = 'a file that this user can read';
      return { path: [group, 'tls', field], expected, value: files[field] };
    }
    pair[field] = bytes;
  }
  const problem = tlsPairProblem(pair, group);
  if (problem === undefined) return undefined;
  const { field, expected } = problem;
  return { path: [group, 'tls', field], expected, value: files[field] };
}

function attempt<Result>(make: () => Result): Result | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
