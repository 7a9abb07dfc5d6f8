// What the operating routes do, here or at another node.
// Called by: server.ts, which hands it to the gateway.

import { z } from 'zod';
import { GatewayProblem } from '../gateway/problem.ts';
import { drainStatus } from '../gateway/routes/operate.ts';
import type { OperateApi } from '../gateway/routes/operate.ts';
import { ConfigError } from '../shared/config/config-error.ts';
import { problem } from './api-problem.ts';
import { actorOf } from './audit/audit.ts';
import type { Actor } from './audit/audit.ts';
import type { Drain } from './drain.ts';
import type { Reload } from './reload.ts';
import type { RoomPlaces } from './room-places.ts';

/** The node that asks has found out who it is. */
const actor = z.custom<Actor>((value) => typeof value === 'object' && value !== null);

/** @param node the id of this one */
export function operateApiOf(
  drain: Drain,
  reload: Reload,
  places: RoomPlaces,
  node: string,
): OperateApi {
  const drainOne = places.offerAll({
    name: 'node.drain',
    args: z.object({ node: z.string(), on: z.boolean(), by: actor }),
    result: drainStatus.nullable(),
    run: (asked) => (asked.node === node ? drain.set(asked.on, asked.by) : null),
  });
  return {
    drainStatus: () => drain.status,
    drain: async (caller, on, other = node) => {
      const by = actorOf(caller);
      if (other === node) return drain.set(on, by);
      const answers = await drainOne({ node: other, on, by });
      const status = answers.find((answer) => answer !== null);
      if (status === undefined) throw problem('NOT_FOUND', 'No node of that id answers');
      return status;
    },
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
