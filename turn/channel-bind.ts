// ChannelBind (RFC 8656 s12.2): binds or refreshes a channel, and with it the permission of its peer.

import { TransportAddress } from '../shared/net/transport-address.ts';
import {
  ATTR_CHANNEL_NUMBER,
  ATTR_XOR_PEER_ADDRESS,
  CLASS_SUCCESS,
  ERROR_BAD_REQUEST,
  ERROR_FORBIDDEN,
  ERROR_INSUFFICIENT_CAPACITY,
} from '../shared/stun/registry.ts';
import { type Allocation, CHANNEL_NUMBER_MIN, type ChannelBinding } from './allocation.ts';
import type { Exchange } from './exchange.ts';
import { checkRoom, install, judgePeer } from './permissions.ts';
import type { Seat } from './shared-relay.ts';
import type { TurnState } from './turn-state.ts';

const peer = new TransportAddress();

export function handleChannelBind(
  state: TurnState,
  exchange: Exchange,
  allocation: Allocation,
): void {
  const { reader, now } = exchange;
  const numberAt = reader.find(ATTR_CHANNEL_NUMBER);
  const peerAt = reader.find(ATTR_XOR_PEER_ADDRESS);
  const number = numberAt >= 0 && reader.lengthAt(numberAt) === 4 ? reader.u16(numberAt) : 0;
  if (number < CHANNEL_NUMBER_MIN || number > state.options.channelNumberMax) {
    state.responder.refuse(exchange, ERROR_BAD_REQUEST);
    return;
  }
  if (peerAt < 0 || !reader.xorAddress(peerAt, peer)) {
    state.responder.refuse(exchange, ERROR_BAD_REQUEST);
    return;
  }
  // RFC 6062 s5.1: nothing is sent in messages through a TCP allocation.
  if (allocation.tcp !== undefined) {
    state.responder.refuse(exchange, ERROR_FORBIDDEN);
    return;
  }
  state.toLocal(peer);
  const refusal = check(state, allocation, number, now);
  if (refusal !== 0) {
    state.responder.refuse(exchange, refusal);
    return;
  }
  bind(state, allocation, number, now);
  state.responder.begin(exchange, CLASS_SUCCESS);
  state.responder.send(exchange);
}

function check(state: TurnState, allocation: Allocation, number: number, now: number): number {
  const byNumber = alive(allocation, allocation.channelsByNumber.get(number), now);
  const byPeer = alive(allocation, allocation.channelsByPeer.get(peer), now);
  if (byNumber !== byPeer) return ERROR_BAD_REQUEST;
  const refusal = judgePeer(state, allocation, peer);
  if (refusal !== 0) return refusal;
  // Unlike a permission, a channel names a port, so what the policy says of ports is said now.
  if (!state.judgeDestination(peer, state.policy.judge(peer)) || peer.port === 0) {
    return ERROR_FORBIDDEN;
  }
  const seat = seatTowards(state, allocation);
  // RFC 8656 s12.2 has 508 for what the server cannot do now; 403 would be for good.
  if (seat?.canClaim(peer, now) === false) return ERROR_INSUFFICIENT_CAPACITY;
  if (byNumber !== undefined) return 0;
  const max = state.options.perAllocation.channels;
  if (allocation.channelsByNumber.size >= max) allocation.makeRoom(now);
  if (allocation.channelsByNumber.size >= max) return ERROR_INSUFFICIENT_CAPACITY;
  const known = allocation.permissions.get(peer) !== undefined;
  return known ? 0 : checkRoom(state, allocation, 1, now);
}

/** Where a shared relay socket sends to that peer; undefined where none does. */
function seatTowards(state: TurnState, allocation: Allocation): Seat | undefined {
  const seat = allocation.relayFor(peer)?.seat;
  return seat === undefined || state.handedOverAt(peer) !== undefined ? undefined : seat;
}

/** An expired binding is unbound, so that its number and its peer are free again (RFC 8656 s12). */
function alive(
  allocation: Allocation,
  binding: ChannelBinding | undefined,
  now: number,
): ChannelBinding | undefined {
  if (binding === undefined || now < binding.expiresAt) return binding;
  allocation.unbind(binding);
  return undefined;
}

function bind(state: TurnState, allocation: Allocation, number: number, now: number): void {
  const permission = install(state, allocation, peer, now);
  seatTowards(state, allocation)?.claim(peer, now);
  const expiresAt = now + state.options.lifetimes.channel;
  const known = allocation.channelsByNumber.get(number);
  if (known !== undefined) {
    known.expiresAt = expiresAt;
    return;
  }
  const binding: ChannelBinding = { number, peer: peer.copy(), permission, expiresAt };
  allocation.channelsByNumber.set(number, binding);
  allocation.channelsByPeer.set(binding.peer, binding);
}
