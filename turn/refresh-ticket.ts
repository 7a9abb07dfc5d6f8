// Refresh with MOBILITY-TICKET (RFC 8016 s3.2.2): moves an allocation to the 5-tuple of the request. The checks in the
// RFC's order; what the Refresh itself asks for is the matter of refresh.ts.

import { timingSafeEqual } from 'node:crypto';
import {
  ERROR_ALLOCATION_MISMATCH,
  ERROR_BAD_REQUEST,
  ERROR_FORBIDDEN,
  ERROR_MOBILITY_FORBIDDEN,
  ERROR_WRONG_CREDENTIALS,
} from '../shared/stun/registry.ts';
import type { Allocation, Credential } from './allocation.ts';
import type { Exchange } from './exchange.ts';
import { isTunneled } from './peer-policy.ts';
import { handleRefresh } from './refresh.ts';
import type { Ticket } from './ticket.ts';
import type { TurnState } from './turn-state.ts';

/** @param ticket undefined for what is none of ours; `exchange.allocation` is the one that it names */
export function handleTicket(
  state: TurnState,
  exchange: Exchange,
  credential: Credential,
  ticket: Ticket | undefined,
): void {
  const { reader, listener, client, now, allocation } = exchange;
  if (!state.options.mobility) return state.responder.refuse(exchange, ERROR_MOBILITY_FORBIDDEN);
  if (ticket === undefined) return state.responder.refuse(exchange, ERROR_BAD_REQUEST);
  const present = state.at(listener, client, now);
  if (present === undefined && state.elsewhere.add(listener, client, ticket, now)) {
    state.elsewhere.forward(listener, client, reader.bytes, reader.offset, reader.length, now);
    return;
  }
  // The allocation is gone, or where this 5-tuple cannot go: the client makes another one.
  if (allocation === undefined) {
    return state.responder.refuse(exchange, ERROR_ALLOCATION_MISMATCH);
  }
  const repeated = state.mobility.isRepeated(allocation, ticket, exchange);
  const error = repeated ? 0 : refusal(exchange, allocation, ticket, present);
  if (error !== 0) return state.responder.refuse(exchange, error);
  if (!mayMove(allocation, credential)) {
    return state.responder.refuse(exchange, ERROR_WRONG_CREDENTIALS);
  }
  // The 5-tuple may have an allocation of its own already.
  if (!repeated && present !== undefined) {
    return state.responder.refuse(exchange, ERROR_ALLOCATION_MISMATCH);
  }
  handleRefresh(state, exchange, allocation, repeated ? 'moved' : 'moves');
}

/**
 * Whether that credential may take the allocation to another 5-tuple. Tokens name no user, and whoever listens sees a
 * ticket: so another token, good enough where the 5-tuple stays, is not good enough here.
 */
function mayMove(allocation: Allocation, credential: Credential): boolean {
  const { grant } = allocation;
  const key = credential.grant?.keys[0];
  if (grant === undefined || key === undefined) return allocation.belongsTo(credential);
  const own = grant.keys[0]!;
  return own.length === key.length && timingSafeEqual(own, key);
}

/** Why the ticket does not move the allocation to where `present` is, whoever asks; 0 if it does. */
function refusal(
  { client }: Exchange,
  allocation: Allocation,
  ticket: Ticket,
  present: Allocation | undefined,
): number {
  if (ticket.serial !== allocation.mobility?.serial) return ERROR_BAD_REQUEST;
  // The 5-tuple has not changed: such a Refresh is to come without a ticket.
  if (present === allocation) return ERROR_BAD_REQUEST;
  return isTunneled(client) ? ERROR_FORBIDDEN : 0;
}
