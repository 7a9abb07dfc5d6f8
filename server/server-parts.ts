// What a server is made of that has to be there, or to be asked for, before the rest: the audit log, the API keys, the
// Redis of the cluster, the media workers.
// Called by: server.ts, which closes them.

import { systemClock } from '../shared/clock.ts';
import type { Config } from '../shared/config/load.ts';
import { KeyFile } from '../shared/keys/key-file.ts';
import { KeyRing } from '../shared/keys/key-ring.ts';
import type { KeyStore } from '../shared/keys/key-store.ts';
import { RedisKeyStore } from '../shared/keys/redis-key-store.ts';
import type { Logger } from '../shared/log.ts';
import { RedisLink } from '../shared/redis/redis-link.ts';
import { AuditLog } from './audit/audit-log.ts';
import { MediaHost } from './media/host.ts';

export interface ServerParts {
  readonly media: MediaHost;
  readonly keys: KeyRing;
  /** Undefined without a file. */
  readonly auditLog: AuditLog | undefined;
  /** Undefined without a cluster. */
  readonly redis: RedisLink | undefined;
}

/** Rejects with a SternaError of one line, and leaves nothing open. */
export async function openParts(config: Config, log: Logger): Promise<ServerParts> {
  const { url, prefix } = config.redis;
  const { file } = config.audit;
  const auditLog = file === '' ? undefined : await AuditLog.open(file, systemClock, log);
  const redis = url === '' ? undefined : new RedisLink({ url, prefix, log });
  try {
    const store = keyStoreOf(config, redis);
    const keys = await KeyRing.open({ keys: config.keys, store, clock: systemClock, log });
    return { media: await MediaHost.start(config, log), keys, auditLog, redis };
  } catch (error) {
    redis?.close();
    await auditLog?.close();
    throw error;
  }
}

/** Nodes of a cluster have their keys in common. */
function keyStoreOf({ gateway }: Config, redis: RedisLink | undefined): KeyStore | undefined {
  if (redis !== undefined) return new RedisKeyStore(redis);
  return gateway.keysFile === '' ? undefined : new KeyFile(gateway.keysFile);
}
