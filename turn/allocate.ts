// Allocate (RFC 8656 s7.2): the checks in the RFC's order, then relays opened, then the answer.
// Sockets open asynchronously: the allocation exists and counts from the start, and is answered when they are there.

import type { AddressFamily } from '../shared/net/transport-address.ts';
import {
  ADDRESS_FAMILY_IPV4,
  ADDRESS_FAMILY_IPV6,
  ATTR_ADDITIONAL_ADDRESS_FAMILY,
  ATTR_ALTERNATE_SERVER,
  ATTR_DONT_FRAGMENT,
  ATTR_EVEN_PORT,
  ATTR_LIFETIME,
  ATTR_MOBILITY_TICKET,
  ATTR_REQUESTED_ADDRESS_FAMILY,
  ATTR_REQUESTED_TRANSPORT,
  ATTR_RESERVATION_TOKEN,
  ATTR_XOR_MAPPED_ADDRESS,
  ATTR_XOR_RELAYED_ADDRESS,
  CLASS_SUCCESS,
  ERROR_ADDRESS_FAMILY_NOT_SUPPORTED,
  ERROR_ALLOCATION_MISMATCH,
  ERROR_ALLOCATION_QUOTA_REACHED,
  ERROR_BAD_REQUEST,
  ERROR_FORBIDDEN,
  ERROR_INSUFFICIENT_CAPACITY,
  ERROR_MOBILITY_FORBIDDEN,
  ERROR_TRY_ALTERNATE,
  ERROR_UNSUPPORTED_TRANSPORT_PROTOCOL,
} from '../shared/stun/registry.ts';
import type { StunReader } from '../shared/stun/reader.ts';
import { Allocation, type Credential, holderOf, type Relay } from './allocation.ts';
import { DROP_IN_PROGRESS } from './drop-reason.ts';
import type { Exchange } from './exchange.ts';
import { lifetimeLeft, lifetimeMs } from './lifetime.ts';
import { ownerOf } from './connection-bind.ts';
import { isTunneled } from './peer-policy.ts';
import type { PortWish } from './relay-pool.ts';
import type { ReplyTo } from './responder.ts';
import { QUOTA_TOTAL_REACHED, QUOTA_USER_REACHED } from './shared-quota.ts';
import { type ParkedRelay, RESERVATION_TOKEN_BYTES } from './shared-reservations.ts';
import { TcpMeter } from './tcp-meter.ts';
import type { TurnState } from './turn-state.ts';

/** IANA protocol numbers: RFC 8656 s18.8 allows UDP, RFC 6062 s5.1 TCP beside it. */
const PROTOCOL_UDP = 17;
const PROTOCOL_TCP = 6;

/** What an Allocate request asks for, checked. */
interface Wish {
  readonly families: readonly AddressFamily[];
  readonly port: PortWish;
  readonly lifetime: number;
  /** Whether the client wants a ticket (RFC 8016 s3.1.1). */
  readonly mobile: boolean;
}

export function handleAllocate(state: TurnState, exchange: Exchange, credential: Credential): void {
  const { reader, allocation } = exchange;
  if (allocation !== undefined) {
    answerExisting(state, exchange, allocation);
    return;
  }
  if (isTunneled(exchange.client)) {
    state.responder.refuse(exchange, ERROR_FORBIDDEN);
    return;
  }
  const wish = readWish(state, exchange, lifetimeLeft(credential.grant, exchange.now));
  if (typeof wish === 'number') {
    state.responder.refuse(exchange, wish);
    return;
  }
  if (sentAway(state, exchange)) return;
  // Not 486, which is about the user (RFC 8656 s19).
  if (!state.commons.allocationCap.allow(exchange.client, exchange.now)) {
    state.responder.refuse(exchange, ERROR_INSUFFICIENT_CAPACITY);
    return;
  }
  const token = reader.find(ATTR_RESERVATION_TOKEN);
  if (token >= 0) takeUp(state, exchange, credential, wish, reader.view(token));
  else open(state, exchange, credential, wish);
}

/** Step 2, and idempotence: the transaction that made the allocation gets its answer again. */
function answerExisting(state: TurnState, exchange: Exchange, allocation: Allocation): void {
  if (!exchange.reader.transactionIs(allocation.transaction, 0)) {
    state.responder.refuse(exchange, ERROR_ALLOCATION_MISMATCH);
  } else if (allocation.ready) {
    succeed(state, exchange, allocation, exchange.now);
  } else {
    state.drop(DROP_IN_PROGRESS);
  }
}

/**
 * Step 11: whether the client goes to another server. While this one drains and knows of none, it has no room: 508 lets
 * the client come back after a minute, where 403, which coturn says, would be for good (RFC 8656 s7.4).
 */
function sentAway(state: TurnState, exchange: Exchange): boolean {
  const { draining, responder, options } = state;
  if (!draining && options.redirect !== 'always') return false;
  const alternate = state.alternates.next(exchange.client.family);
  if (alternate !== undefined) {
    responder.beginError(exchange, ERROR_TRY_ALTERNATE).address(ATTR_ALTERNATE_SERVER, alternate);
    responder.send(exchange);
  } else if (draining) responder.refuse(exchange, ERROR_INSUFFICIENT_CAPACITY);
  return draining || alternate !== undefined;
}

/** Steps 3 and 5 to 9: what is asked for, or the error code. (Step 4 is the unknown-attribute check.) */
function readWish(state: TurnState, exchange: Exchange, lifetimeMax: number): Wish | number {
  const { reader, listener } = exchange;
  const transport = reader.find(ATTR_REQUESTED_TRANSPORT);
  if (transport < 0 || reader.lengthAt(transport) !== 4) return ERROR_BAD_REQUEST;
  const tcp = reader.u8(transport) === PROTOCOL_TCP && state.tcp !== undefined;
  if (!tcp && reader.u8(transport) !== PROTOCOL_UDP) return ERROR_UNSUPPORTED_TRANSPORT_PROTOCOL;
  // RFC 6062 s5.1: over TCP and TLS only, and without what is about datagrams.
  if (tcp && (listener.sink?.streams === undefined || hasDatagramWish(reader))) {
    return ERROR_BAD_REQUEST;
  }

  const token = reader.find(ATTR_RESERVATION_TOKEN);
  const even = reader.find(ATTR_EVEN_PORT);
  const requested = reader.find(ATTR_REQUESTED_ADDRESS_FAMILY);
  const additional = reader.find(ATTR_ADDITIONAL_ADDRESS_FAMILY);
  if (token >= 0) {
    if (even >= 0 || requested >= 0 || additional >= 0) return ERROR_BAD_REQUEST;
    if (reader.lengthAt(token) !== RESERVATION_TOKEN_BYTES) return ERROR_BAD_REQUEST;
  }
  if (requested >= 0 && additional >= 0) return ERROR_BAD_REQUEST;

  const lifetime = lifetimeMs(state.options.lifetimes, reader, lifetimeMax);
  if (lifetime < 0) return ERROR_BAD_REQUEST;
  const family = requested < 0 ? 4 : familyAt(reader, requested);
  if (family === undefined) return ERROR_BAD_REQUEST;
  if (family === 0) return ERROR_ADDRESS_FAMILY_NOT_SUPPORTED;
  if (token < 0 && additional < 0 && !state.pool.supports(family)) {
    return ERROR_ADDRESS_FAMILY_NOT_SUPPORTED;
  }
  if (even >= 0 && reader.lengthAt(even) !== 1) return ERROR_BAD_REQUEST;
  const pair = even >= 0 && (reader.u8(even) & 0x80) !== 0;
  const port: PortWish = tcp ? 'tcp' : pair ? 'pair' : even >= 0 ? 'even' : 'any';
  const mobile = reader.find(ATTR_MOBILITY_TICKET);
  // RFC 8016 s3.1.2: what is asked for has no length, since nobody has a ticket for what is not there yet.
  if (mobile >= 0 && reader.lengthAt(mobile) !== 0) return ERROR_BAD_REQUEST;
  // The connections of a TCP allocation are lost with the one that made it: there is nothing to move.
  if (mobile >= 0 && (!state.options.mobility || tcp)) return ERROR_MOBILITY_FORBIDDEN;
  const wish = { port, lifetime, mobile: mobile >= 0 };
  if (additional < 0) return { families: [family], ...wish };
  if (pair || familyAt(reader, additional) !== 6) return ERROR_BAD_REQUEST;
  return { families: [4, 6], ...wish };
}

function hasDatagramWish(reader: StunReader): boolean {
  return (
    reader.find(ATTR_EVEN_PORT) >= 0 ||
    reader.find(ATTR_DONT_FRAGMENT) >= 0 ||
    reader.find(ATTR_RESERVATION_TOKEN) >= 0
  );
}

/** 4 or 6, 0 for a family that does not exist, undefined for a malformed attribute (RFC 8656 s18.6). */
function familyAt(reader: StunReader, offset: number): AddressFamily | 0 | undefined {
  if (reader.lengthAt(offset) !== 4) return undefined;
  const family = reader.u8(offset);
  if (family === ADDRESS_FAMILY_IPV4) return 4;
  return family === ADDRESS_FAMILY_IPV6 ? 6 : 0;
}

/** Steps 6 and 10: the relay behind a token, which already counts against the quota of its user. */
function takeUp(
  state: TurnState,
  exchange: Exchange,
  credential: Credential,
  wish: Wish,
  token: Uint8Array,
): void {
  const { allocation, to } = begin(exchange, credential);
  const holder = holderOf(credential);
  const account = state.takeReservation(token, holder, exchange.now, (relay, _, now) => {
    adopt(state, allocation, 4, relay, undefined, now);
    finish(state, to, allocation, wish, now);
  });
  if (account < 0) state.responder.refuse(exchange, ERROR_INSUFFICIENT_CAPACITY);
  else state.admit(allocation, account, 1);
}

/** Step 10, then the relays. A reserved port counts as an allocation, or EVEN-PORT would be a way around the quota. */
function open(state: TurnState, exchange: Exchange, credential: Credential, wish: Wish): void {
  const units = wish.port === 'pair' ? 2 : 1;
  const account = state.takeQuota(holderOf(credential), units);
  if (account === QUOTA_USER_REACHED) {
    state.responder.refuse(exchange, ERROR_ALLOCATION_QUOTA_REACHED);
    return;
  }
  if (account === QUOTA_TOTAL_REACHED) {
    state.responder.refuse(exchange, ERROR_INSUFFICIENT_CAPACITY);
    return;
  }
  const { allocation, to } = begin(exchange, credential);
  state.admit(allocation, account, units);
  if (wish.port === 'tcp') {
    const { perAllocation, commons } = state.options;
    const memory = TcpMeter.memory(perAllocation.bandwidth, allocation.bandwidthUser);
    allocation.tcp = new TcpMeter(memory, commons.bandwidth);
  }
  let pending = wish.families.length;
  for (const family of wish.families) {
    state.pool.open(family, wish.port, (relay, second, now) => {
      adopt(state, allocation, family, relay, second, now);
      pending--;
      if (pending === 0) finish(state, to, allocation, wish, now);
    });
  }
}

/** The allocation of that request, and where its answer goes once its relays are open. */
function begin(
  exchange: Exchange,
  credential: Credential,
): { readonly allocation: Allocation; readonly to: ReplyTo } {
  const { bytes, transactionOffset } = exchange.reader;
  const transaction = bytes.slice(transactionOffset, transactionOffset + 12);
  const client = exchange.client.copy();
  const allocation = new Allocation(exchange.listener, client, credential, transaction);
  return { allocation, to: exchange.keep(transaction) };
}

/** Gives the opened relay to the allocation, and the second of a pair to a reservation. */
function adopt(
  state: TurnState,
  allocation: Allocation,
  family: AddressFamily,
  relay: Relay | undefined,
  second: ParkedRelay | undefined,
  now: number,
): void {
  if (!state.allocations.has(allocation.id)) {
    if (relay !== undefined) state.pool.close(relay);
    if (second !== undefined) state.pool.discard(second);
    return;
  }
  if (relay === undefined) {
    allocation.addressError = state.pool.supports(family)
      ? ERROR_INSUFFICIENT_CAPACITY
      : ERROR_ADDRESS_FAMILY_NOT_SUPPORTED;
    return;
  }
  own(allocation, relay);
  const { tcp, credential } = allocation;
  if (tcp !== undefined) state.tcp?.own(relay.socket, ownerOf(credential), tcp);
  if (second !== undefined) state.reserve(allocation, second, now);
}

function own(allocation: Allocation, relay: Relay): void {
  relay.allocation = allocation;
  if (relay.local.family === 4) allocation.relay4 = relay;
  else allocation.relay6 = relay;
}

function finish(
  state: TurnState,
  to: ReplyTo,
  allocation: Allocation,
  wish: Wish,
  now: number,
): void {
  if (!state.allocations.has(allocation.id)) return;
  const { relay4, relay6 } = allocation;
  if (relay4 === undefined && relay6 === undefined) {
    state.delete(allocation, 'closed');
    state.responder.refuse(to, ERROR_INSUFFICIENT_CAPACITY);
    return;
  }
  // Opening has taken time, which the token has no more.
  const lifetime = Math.min(wish.lifetime, lifetimeLeft(allocation.grant, now));
  for (const relay of [relay4, relay6]) {
    if (relay !== undefined) relay.expiresAt = now + lifetime;
  }
  if (wish.mobile) state.mobility.enrol(allocation);
  allocation.ready = true;
  state.watch(allocation, now);
  succeed(state, to, allocation, now);
  state.announce(allocation);
}

function succeed(state: TurnState, to: ReplyTo, allocation: Allocation, now: number): void {
  const { relay4, relay6, longest, reservationToken, addressError, mobility } = allocation;
  const writer = state.responder.begin(to, CLASS_SUCCESS);
  if (relay4 !== undefined) writer.xorAddress(ATTR_XOR_RELAYED_ADDRESS, relay4.relayed);
  if (relay6 !== undefined) writer.xorAddress(ATTR_XOR_RELAYED_ADDRESS, relay6.relayed);
  writer.u32(ATTR_LIFETIME, Math.max(0, Math.round(((longest?.expiresAt ?? now) - now) / 1000)));
  writer.xorAddress(ATTR_XOR_MAPPED_ADDRESS, to.client);
  if (reservationToken !== undefined) {
    writer.data(ATTR_RESERVATION_TOKEN, reservationToken, 0, reservationToken.length);
  }
  if (mobility !== undefined) {
    writer.data(ATTR_MOBILITY_TICKET, mobility.ticket, 0, mobility.ticket.length);
  }
  if (addressError !== 0) {
    writer.addressErrorCode(
      relay4 === undefined ? ADDRESS_FAMILY_IPV4 : ADDRESS_FAMILY_IPV6,
      addressError,
    );
  }
  state.responder.send(to);
}
