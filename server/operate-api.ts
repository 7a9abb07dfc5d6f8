// What the operating routes do: the token must grant roomAdmin for all rooms.
// Called by: server.ts, which hands it to the gateway.

import type { OperateApi } from '../gateway/routes/operate.ts';
import type { SignalingServer } from '../signaling/index.ts';
import { checkServerAdmin } from './admin-token.ts';
import type { Drain } from './drain.ts';

export function operateApiOf(
  { tokens }: Pick<SignalingServer, 'tokens'>,
  drain: Drain,
): OperateApi {
  return {
    drainStatus: (token) => {
      checkServerAdmin(tokens, token);
      return drain.status;
    },
    drain: (token, on) => {
      checkServerAdmin(tokens, token);
      return drain.set(on, 'http');
    },
  };
}
