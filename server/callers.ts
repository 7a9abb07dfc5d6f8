// Whose bearer it is that comes over HTTP: that of a token which signaling's verifier takes, or an API key itself.
// Called by: server.ts, which hands it to the gateway.

import type { Caller } from '../gateway/caller.ts';
import type { GatewayProblem } from '../gateway/problem.ts';
import type { SignalingServer } from '../signaling/index.ts';
import { problem } from './api-problem.ts';

export function authenticatorOf({
  tokens,
}: Pick<SignalingServer, 'tokens'>): (bearer: string) => Caller | GatewayProblem {
  return (bearer) => {
    const verified = tokens.check(bearer);
    if ('reason' in verified) return problem(verified.reason, verified.message);
    const { key, identity, grants } = verified;
    const { room, roomAdmin } = grants;
    return {
      kind: 'token',
      key,
      identity,
      grants: { room, roomAdmin, roomCreate: false, roomList: false },
    };
  };
}
