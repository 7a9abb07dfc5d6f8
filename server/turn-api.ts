// What the TURN routes do: the media workers are asked, or a credential is minted.
// Called by: server.ts, which hands it to the gateway.

import { GatewayProblem } from '../gateway/problem.ts';
import type { CredentialRequest, TurnApi, TurnCredential } from '../gateway/routes/turn.ts';
import { problem } from './api-problem.ts';
import { actorOf } from './audit/audit.ts';
import type { Audit } from './audit/audit.ts';
import { audited } from './audit/audited.ts';
import type { AllocationFailure, Allocations } from './media/allocations.ts';

/** Mints a credential; undefined where no secret is configured. */
export type MintTurnCredential = (
  request: CredentialRequest,
  requestHost: string,
) => TurnCredential | undefined;

export function turnApiOf(
  allocations: Allocations,
  mint: MintTurnCredential,
  audit: Audit,
): TurnApi {
  return {
    list: async ({ after, limit }) => {
      const list = await allocations.list(after, limit);
      if (list === undefined)
        throw problem('BAD_MESSAGE', 'after: expected the id of an allocation');
      return list;
    },
    describe: async (id) => {
      const allocation = await allocations.describe(id);
      if (typeof allocation === 'string') throw failed(allocation);
      return allocation;
    },
    end: (caller, id) =>
      audited(audit, caller, 'turn.end-allocation', { allocation: id }, async () => {
        const outcome = await allocations.end(id);
        if (outcome !== 'ended') throw failed(outcome);
      }),
    mint: (caller, request, requestHost) => {
      const credential = mint(request, requestHost);
      const target = { ...request, username: credential?.username };
      const outcome = credential === undefined ? 'NO_SECRET' : 'ok';
      audit.record(actorOf(caller), 'turn.mint', target, outcome);
      if (credential !== undefined) return credential;
      const detail = 'Credentials are minted with the first of turn.secrets, and there is none.';
      throw new GatewayProblem(409, 'NO_SECRET', detail);
    },
  };
}

function failed(failure: AllocationFailure): GatewayProblem {
  if (failure === 'no-allocation') return problem('NOT_FOUND', 'There is no such allocation');
  return problem(
    'MEDIA_UNAVAILABLE',
    'The media worker of this allocation does not answer; one that is dead is started again',
    { 'retry-after': '1' },
  );
}
