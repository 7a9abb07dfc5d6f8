// Refresh (RFC 8656 s8.2): sets the time-to-expiry, or ends the allocation, of one address family or of all.

import {
  ADDRESS_FAMILY_IPV4,
  ADDRESS_FAMILY_IPV6,
  ATTR_LIFETIME,
  ATTR_MOBILITY_TICKET,
  ATTR_REQUESTED_ADDRESS_FAMILY,
  CLASS_SUCCESS,
  ERROR_BAD_REQUEST,
  ERROR_PEER_ADDRESS_FAMILY_MISMATCH,
} from '../shared/stun/registry.ts';
import type { StunReader } from '../shared/stun/reader.ts';
import type { Allocation, Relay } from './allocation.ts';
import type { Exchange } from './exchange.ts';
import { asksForZero, lifetimeLeft, lifetimeMs } from './lifetime.ts';
import type { TurnState } from './turn-state.ts';

/** @param place whether the allocation moves to this 5-tuple (RFC 8016), or was moved by the same request before */
export function handleRefresh(
  state: TurnState,
  exchange: Exchange,
  allocation: Allocation,
  place: 'stays' | 'moves' | 'moved',
): void {
  const { reader, now } = exchange;
  const relays = relaysMeant(reader, allocation);
  if (typeof relays === 'number') {
    state.responder.refuse(exchange, relays);
    return;
  }
  const lifetime = asksForZero(reader)
    ? 0
    : lifetimeMs(state.options.lifetimes, reader, lifetimeLeft(allocation.grant, now));
  if (lifetime < 0) {
    state.responder.refuse(exchange, ERROR_BAD_REQUEST);
    return;
  }
  if (lifetime > 0) {
    for (const relay of relays) relay.expiresAt = now + lifetime;
    state.watch(allocation, now);
  } else if (relays.length === allocation.relays.length) {
    state.delete(allocation, 'refreshed-to-zero');
  } else {
    for (const relay of relays) state.dropRelay(allocation, relay);
  }
  const writer = state.responder
    .begin(exchange, CLASS_SUCCESS)
    .u32(ATTR_LIFETIME, Math.round(lifetime / 1000));
  if (place !== 'stays' && state.allocations.has(allocation.id)) {
    if (place === 'moves') state.mobility.depart(allocation, exchange);
    const { ticket } = allocation.mobility!;
    writer.data(ATTR_MOBILITY_TICKET, ticket, 0, ticket.length);
  }
  state.responder.send(exchange);
}

/** The relays that REQUESTED-ADDRESS-FAMILY names, all without it; or an error code. */
function relaysMeant(reader: StunReader, allocation: Allocation): readonly Relay[] | number {
  const { relay4, relay6, relays } = allocation;
  const offset = reader.find(ATTR_REQUESTED_ADDRESS_FAMILY);
  if (offset < 0) return relays;
  if (reader.lengthAt(offset) !== 4) return ERROR_BAD_REQUEST;
  const family = reader.u8(offset);
  const relay =
    family === ADDRESS_FAMILY_IPV4 ? relay4 : family === ADDRESS_FAMILY_IPV6 ? relay6 : undefined;
  return relay === undefined ? ERROR_PEER_ADDRESS_FAMILY_MISMATCH : [relay];
}
