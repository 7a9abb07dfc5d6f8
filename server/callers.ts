// Whose bearer it is that comes over HTTP: an API key that shows its secret, or a token that one has signed.
// Called by: server.ts, which hands it to the gateway.

import type { Judge } from '../gateway/authenticator.ts';
import type { CallerGrants } from '../gateway/caller.ts';
import type { KeyRing } from '../shared/keys/key-ring.ts';
import type { SignalingServer } from '../signaling/index.ts';
import { problem } from './api-problem.ts';

const EVERYTHING: CallerGrants = {
  room: undefined,
  roomAdmin: true,
  roomCreate: true,
  roomList: true,
};

export function judgeOf(tokens: SignalingServer['tokens'], ring: KeyRing): Judge {
  return {
    judge: (bearer) => {
      // A JWT has no colon (RFC 7515 s3.1).
      const colon = bearer.indexOf(':');
      if (colon >= 0) {
        const holder = ring.holder(bearer.slice(0, colon), bearer.slice(colon + 1));
        if (holder === undefined) {
          return problem('TOKEN_INVALID', 'There is no API key of that name and secret');
        }
        const { key, grants, expiresAt = Infinity } = holder;
        const granted = grants === undefined ? EVERYTHING : { ...grants, room: grants.room };
        return { caller: { kind: 'key', key, grants: granted }, expiresAt };
      }
      const token = tokens.checkApi(bearer);
      if ('reason' in token) return problem(token.reason, token.message);
      const { id, key, identity, grants, expiresAt } = token;
      return {
        caller: { kind: 'token', key, identity, grants },
        expiresAt,
        isRevoked: () => tokens.isRevoked(id),
      };
    },
    onChange: (listener) => void ring.onChange(listener),
  };
}
