// Where secrets of API keys come from, for what is signed with them or shown with them.
// Called by: signaling, which verifies; the key ring is one, and so is a fixed list.

import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

export interface KeySource {
  /** Of a key that may sign tokens; undefined where there is none (any more). */
  secretOf(key: string): string | undefined;
  /** Told when a secret may have changed or gone. Returns what ends it. */
  onChange(listener: () => void): () => void;
}

export function fixedKeys(keys: Readonly<Record<string, string>>): KeySource {
  const secrets = new Map(Object.entries(keys));
  return { secretOf: (key) => secrets.get(key), onChange: () => () => {} };
}

/** Stands in for the secret of an unknown key, so that both failures do the same work. */
const NO_SECRET = randomBytes(32).toString('base64url');

/** In constant time, whatever their lengths. */
export function isSecret(given: string, secret: string | undefined): boolean {
  const isSame = timingSafeEqual(digestOf(given), digestOf(secret ?? NO_SECRET));
  return isSame && secret !== undefined;
}

function digestOf(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}
