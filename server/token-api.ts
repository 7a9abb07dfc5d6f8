// What the route of tokens does: the key that asks, or has signed the token that asks, signs a token of a participant.
// Called by: server.ts, which hands it to the gateway.

import type { Caller } from '../gateway/caller.ts';
import { GatewayProblem } from '../gateway/problem.ts';
import type { JoinTokenRequest, MintedToken, TokensApi } from '../gateway/routes/tokens.ts';
import type { Clock } from '../shared/clock.ts';
import { SternaError } from '../shared/errors.ts';
import type { KeyRing } from '../shared/keys/key-ring.ts';
import { mintToken } from '../signaling/index.ts';
import { actorOf } from './audit/audit.ts';
import type { Audit } from './audit/audit.ts';

export function tokensApiOf(ring: KeyRing, clock: Clock, audit: Audit): TokensApi {
  return {
    mint: (caller, request) => {
      const { room, identity } = request;
      const minted = mint(ring, clock, caller, request);
      audit.record(actorOf(caller), 'token.mint', { room, identity, ...request.grants }, 'ok');
      return minted;
    },
  };
}

function mint(ring: KeyRing, clock: Clock, caller: Caller, request: JoinTokenRequest): MintedToken {
  const { room, identity, name, metadata, attributes, grants, ttlSeconds } = request;
  const key = caller.kind === 'anonymous' ? '' : caller.key;
  const secret = ring.secretOf(key);
  if (secret === undefined) {
    throw new GatewayProblem(409, 'KEY_SIGNS_NOTHING', 'An API key with grants signs no tokens.');
  }
  try {
    const token = mintToken({
      key,
      secret,
      identity,
      ...(name === undefined ? {} : { name }),
      ...(metadata === undefined ? {} : { metadata }),
      ...(attributes === undefined ? {} : { attributes }),
      grants: { ...grants, room, roomJoin: true },
      ttlSeconds,
      clock,
    });
    return { token, expiresAt: (Math.floor(clock.wall() / 1000) + ttlSeconds) * 1000 };
  } catch (error) {
    if (!(error instanceof SternaError) || error.code !== 'TOKEN_INVALID') throw error;
    throw new GatewayProblem(400, 'BAD_MESSAGE', `${error.message}.`);
  }
}
