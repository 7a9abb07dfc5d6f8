// What the operating routes do.
// Called by: server.ts, which hands it to the gateway.

import { GatewayProblem } from '../gateway/problem.ts';
import type { OperateApi } from '../gateway/routes/operate.ts';
import { ConfigError } from '../shared/config/config-error.ts';
import type { Drain } from './drain.ts';
import type { Reload } from './reload.ts';

export function operateApiOf(drain: Drain, reload: Reload): OperateApi {
  return {
    drainStatus: () => drain.status,
    drain: (_caller, on) => drain.set(on, 'http'),
    reload: async () => {
      try {
        const changes = await reload.reload('http');
        if (changes !== undefined) return changes;
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        throw new GatewayProblem(400, 'CONFIG_INVALID', error.message);
      }
      throw new GatewayProblem(409, 'NO_FILE', 'The server runs without a configuration file.');
    },
  };
}
