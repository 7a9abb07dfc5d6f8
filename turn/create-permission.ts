// CreatePermission (RFC 8656 s10.2): all of its peers or none.

import { TransportAddress } from '../shared/net/transport-address.ts';
import {
  ATTR_XOR_PEER_ADDRESS,
  CLASS_SUCCESS,
  ERROR_BAD_REQUEST,
} from '../shared/stun/registry.ts';
import type { StunReader } from '../shared/stun/reader.ts';
import type { Allocation } from './allocation.ts';
import type { Exchange } from './exchange.ts';
import { checkRoom, install, judgePeer } from './permissions.ts';
import type { TurnState } from './turn-state.ts';

const peer = new TransportAddress();

export function handleCreatePermission(
  state: TurnState,
  exchange: Exchange,
  allocation: Allocation,
): void {
  const { reader, now } = exchange;
  const refusal = check(state, reader, allocation, now);
  if (refusal !== 0) {
    state.responder.refuse(exchange, refusal);
    return;
  }
  for (let at = first(reader); at >= 0; at = next(reader, at)) {
    reader.xorAddress(at, peer);
    state.toLocal(peer);
    install(state, allocation, peer, now);
  }
  state.responder.begin(exchange, CLASS_SUCCESS);
  state.responder.send(exchange);
}

/** 0, or the error code of the first check that fails, in the order of s10.2: validity, family, policy, capacity. */
function check(state: TurnState, reader: StunReader, allocation: Allocation, now: number): number {
  let refusal = 0;
  if (first(reader) < 0) return ERROR_BAD_REQUEST;
  const added = new Set<string>();
  for (let at = first(reader); at >= 0; at = next(reader, at)) {
    if (!reader.xorAddress(at, peer)) return ERROR_BAD_REQUEST;
    state.toLocal(peer);
    // A malformed attribute further on outranks this one's family or policy, so go on.
    refusal ||= judgePeer(state, allocation, peer);
    if (refusal === 0 && allocation.permissions.get(peer) === undefined) added.add(peer.host);
  }
  return refusal === 0 ? checkRoom(state, allocation, added.size, now) : refusal;
}

function first(reader: StunReader): number {
  return reader.find(ATTR_XOR_PEER_ADDRESS);
}

function next(reader: StunReader, at: number): number {
  return reader.findNext(ATTR_XOR_PEER_ADDRESS, at);
}
