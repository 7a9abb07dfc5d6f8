// What the operating routes do: the token must grant roomAdmin for all rooms.
// Called by: server.ts, which hands it to the gateway.

import { GatewayProblem } from '../gateway/problem.ts';
import type { OperateApi } from '../gateway/routes/operate.ts';
import { ConfigError } from '../shared/config/config-error.ts';
import type { SignalingServer } from '../signaling/index.ts';
import { checkServerAdmin } from './admin-token.ts';
import type { Drain } from './drain.ts';
import type { Reload } from './reload.ts';

export function operateApiOf(
  { tokens }: Pick<SignalingServer, 'tokens'>,
  drain: Drain,
  reload: Reload,
): OperateApi {
  return {
    drainStatus: (token) => {
      checkServerAdmin(tokens, token);
      return drain.status;
    },
    drain: (token, on) => {
      return drain.set(on, checkServerAdmin(tokens, token));
    },
    reload: async (token) => {
      const actor = checkServerAdmin(tokens, token);
      try {
        const changes = await reload.reload(actor);
        if (changes !== undefined) return changes;
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        throw new GatewayProblem(400, 'CONFIG_INVALID', error.message);
      }
      throw new GatewayProblem(409, 'NO_FILE', 'The server runs without a configuration file.');
    },
  };
}
