// Whose bearer it is that comes over HTTP: that of a token which signaling's verifier takes, or an API key itself.
// Called by: server.ts, which hands it to the gateway.

import type { Judge } from '../gateway/authenticator.ts';
import type { SignalingServer } from '../signaling/index.ts';
import { problem } from './api-problem.ts';

export function judgeOf({ tokens }: Pick<SignalingServer, 'tokens'>): Judge {
  return {
    judge: (bearer) => {
      const verified = tokens.check(bearer);
      if ('reason' in verified) return problem(verified.reason, verified.message);
      const { id, key, identity, grants, expiresAt } = verified;
      const { room, roomAdmin } = grants;
      return {
        caller: {
          kind: 'token',
          key,
          identity,
          grants: { room, roomAdmin, roomCreate: false, roomList: false },
        },
        expiresAt,
        isRevoked: () => tokens.isRevoked(id),
      };
    },
  };
}
