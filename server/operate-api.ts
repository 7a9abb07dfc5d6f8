// What the operating routes do.
// Called by: server.ts, which hands it to the gateway.

import { GatewayProblem } from '../gateway/problem.ts';
import type { OperateApi } from '../gateway/routes/operate.ts';
import { ConfigError } from '../shared/config/config-error.ts';
import { actorOf } from './audit/audit.ts';
import type { Drain } from './drain.ts';
import type { Reload } from './reload.ts';

export function operateApiOf(drain: Drain, reload: Reload): OperateApi {
  return {
    drainStatus: () => drain.status,
    drain: (caller, on) => drain.set(on, actorOf(caller)),
    reload: async (caller) => {
      try {
        const changes = await reload.reload(actorOf(caller));
        if (changes !== undefined) return changes;
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        throw new GatewayProblem(400, 'CONFIG_INVALID', error.message);
      }
      throw new GatewayProblem(409, 'NO_FILE', 'The server runs without a configuration file.');
    },
  };
}
