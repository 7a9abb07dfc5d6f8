// For gateways whose TURN routes are not what is tested: nothing is there.

import type { TurnApi } from '../../gateway/routes/turn.ts';

export const NO_TURN_API: TurnApi = {
  list: () => Promise.resolve({}),
  describe: () => Promise.resolve({}),
  end: () => Promise.resolve(),
  mint: () => ({ username: '', password: '', ttl: 0, uris: [] }),
};
