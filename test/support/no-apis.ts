// For gateways whose TURN and operating routes are not what is tested: nothing is there.

import type { OperateApi } from '../../gateway/routes/operate.ts';
import type { TurnApi } from '../../gateway/routes/turn.ts';

export const NO_TURN_API: TurnApi = {
  list: () => Promise.resolve({}),
  describe: () => Promise.resolve({}),
  end: () => Promise.resolve(),
  mint: () => ({ username: '', password: '', ttl: 0, uris: [] }),
};

export const NO_OPERATE_API: OperateApi = {
  drainStatus: () => ({ draining: false, participants: 0, allocations: 0 }),
  drain: (_token, draining) => ({ draining, participants: 0, allocations: 0 }),
  reload: () => Promise.resolve({ applied: [], needRestart: [] }),
};
