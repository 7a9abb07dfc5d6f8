// What the routes of API keys do: the key ring makes and revokes them. Whoever asks keeps the key that they ask with.
// Called by: server.ts, which hands it to the gateway.

import type { Caller } from '../gateway/caller.ts';
import { GatewayProblem } from '../gateway/problem.ts';
import type { KeyInfo, KeysApi } from '../gateway/routes/keys.ts';
import { systemClock } from '../shared/clock.ts';
import { SternaError } from '../shared/errors.ts';
import type { ApiKey, KeyRing } from '../shared/keys/key-ring.ts';
import { problem } from './api-problem.ts';
import type { Audit } from './audit/audit.ts';
import { audited } from './audit/audited.ts';

export function keysApiOf(ring: KeyRing, audit: Audit): KeysApi {
  return {
    list: () => ring.list().map(infoOf),
    make: async (caller, { name, grants, expiresInSeconds }) => {
      const expiresAt =
        expiresInSeconds === undefined ? undefined : systemClock.wall() + expiresInSeconds * 1000;
      const made = await audited(
        audit,
        caller,
        'key.make',
        { name },
        () => kept(ring.add({ name, grants, expiresAt })),
        ({ key }) => ({ key, name, grants, expiresAt }),
      );
      return { ...infoOf(made), secret: made.secret };
    },
    revoke: (caller, key) =>
      audited(audit, caller, 'key.revoke', { key }, () => revoke(ring, caller, key)),
  };
}

async function revoke(ring: KeyRing, caller: Caller, key: string): Promise<void> {
  if (caller.kind !== 'anonymous' && caller.key === key) {
    const why = 'This request was made with that key; revoke it with another one.';
    throw new GatewayProblem(409, 'OWN_KEY', why);
  }
  const outcome = await kept(ring.revoke(key));
  if (outcome === 'no-key') throw problem('NOT_FOUND', 'There is no such API key');
  if (outcome === 'configured') {
    const why = 'That key is of the configuration; take it out of keys there.';
    throw new GatewayProblem(409, 'CONFIGURED_KEY', why);
  }
}

function infoOf({ key, name, grants, createdAt, expiresAt, isConfigured }: ApiKey): KeyInfo {
  return {
    key,
    name: name ?? null,
    grants: grants ?? null,
    createdAt: createdAt ?? null,
    expiresAt: expiresAt ?? null,
    origin: isConfigured ? 'configuration' : 'api',
  };
}

const STATUS: Readonly<Record<string, readonly [number, string]>> = {
  NO_KEY_STORE: [
    409,
    'Set gateway.keysFile or redis.url: without one of them keys cannot be kept.',
  ],
  KEYS_FULL: [409, 'There are as many API keys as there may be; revoke some.'],
  KEYS_FILE: [503, 'The file of the API keys cannot be written; the log has the cause.'],
  REDIS_UNAVAILABLE: [503, 'Redis, where API keys are kept, is not available.'],
};

async function kept<T>(done: Promise<T>): Promise<T> {
  try {
    return await done;
  } catch (error) {
    const found = error instanceof SternaError ? STATUS[error.code] : undefined;
    if (!(error instanceof SternaError) || found === undefined) throw error;
    const [status, detail] = found;
    throw new GatewayProblem(
      status,
      error.code,
      detail,
      status === 503 ? { 'retry-after': '5' } : {},
    );
  }
}
