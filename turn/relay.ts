// The hot path: datagrams between a client and its peers (RFC 8656 s11.2, s11.3, s12.6, s12.7).
// Called by turn-server for every datagram that is no request. Allocates: nothing per packet.

import { TransportAddress } from '../shared/net/transport-address.ts';
import {
  ATTR_DATA,
  ATTR_DONT_FRAGMENT,
  ATTR_XOR_PEER_ADDRESS,
  CLASS_INDICATION,
  METHOD_DATA,
} from '../shared/stun/registry.ts';
import type { StunReader } from '../shared/stun/reader.ts';
import { StunWriter } from '../shared/stun/writer.ts';
import type { Allocation, Listener, Permission, Relay } from './allocation.ts';
import {
  DROP_AMBIGUOUS_PEER,
  DROP_BANDWIDTH,
  DROP_FORBIDDEN_PEER,
  DROP_MALFORMED,
  DROP_NEIGHBOUR_BUSY,
  DROP_NO_ALLOCATION,
  DROP_NO_CHANNEL,
  DROP_NO_PERMISSION,
  DROP_PEER_TAKEN,
  DROP_TOO_LARGE,
  DROP_UNEXPECTED,
} from './drop-reason.ts';
import { DATAGRAM_BYTES_MAX } from './limits.ts';
import { workerOfAlias } from './relay-alias.ts';
import type { SharedRelay } from './shared-relay.ts';
import type { TurnState } from './turn-state.ts';

/** Header, XOR-PEER-ADDRESS and DATA header of a Data indication, with padding. */
const DATA_INDICATION_OVERHEAD_IPV4 = 20 + 12 + 4 + 3;
const DATA_INDICATION_OVERHEAD_IPV6 = 20 + 24 + 4 + 3;

/** RFC 8489 s14: zero bytes up to a multiple of four, by the remainder. */
const PADDING = [0, 3, 2, 1] as const;

/** What is in front of a payload, or all of an indication that tells of an ICMP error. */
const HEADER_BYTES_MAX = 64;

/** RFC 8656 s11.5: destination unreachable and time exceeded; ICMPv6 has packet too big beside them. */
const ICMP_TYPES: readonly number[] = [3, 11];
const ICMP6_TYPES: readonly number[] = [1, 2, 3];

export class RelayPath {
  readonly #state: TurnState;
  readonly #peer = new TransportAddress();
  /** What a receiver inside the process is lent, which may use the other two meanwhile. */
  readonly #handedTo = new TransportAddress();
  readonly #insideFrom = new TransportAddress();
  readonly #insideTo = new TransportAddress();
  readonly #writer = new StunWriter();
  readonly #bytes = new Uint8Array(HEADER_BYTES_MAX);
  /** Nobody reads the transaction id of an indication; it only has to differ (RFC 8489 s6). */
  readonly #transaction: Uint8Array;

  constructor(state: TurnState, transaction: Uint8Array) {
    this.#state = state;
    this.#transaction = transaction;
  }

  /** ChannelData from a client; the first byte said so. */
  channelData(
    listener: Listener,
    client: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): void {
    const state = this.#state;
    const allocation =
      state.find(listener, client, now) ?? state.mobility.arrive(listener, client, now);
    if (allocation === undefined) {
      if (state.elsewhere.forward(listener, client, bytes, offset, length, now)) return;
      return state.drop(DROP_NO_ALLOCATION);
    }
    if (length < 4) return state.drop(DROP_MALFORMED);
    const number = (bytes[offset]! << 8) | bytes[offset + 1]!;
    const dataLength = (bytes[offset + 2]! << 8) | bytes[offset + 3]!;
    if (dataLength + 4 > length) return state.drop(DROP_MALFORMED);
    const binding = allocation.channelsByNumber.get(number);
    if (binding === undefined || now >= binding.expiresAt) return state.drop(DROP_NO_CHANNEL);
    if (binding.permission.insideOnly && !state.permits(binding.permission, binding.peer)) {
      return state.drop(DROP_FORBIDDEN_PEER);
    }
    this.#toPeer(
      allocation,
      binding.permission,
      binding.peer,
      bytes,
      offset + 4,
      dataLength,
      now,
      false,
    );
  }

  /** A Send indication, already read. */
  sendIndication(
    listener: Listener,
    client: TransportAddress,
    reader: StunReader,
    now: number,
  ): void {
    const state = this.#state;
    const allocation =
      state.find(listener, client, now) ?? state.mobility.arrive(listener, client, now);
    if (allocation === undefined) {
      const { bytes, offset, length } = reader;
      if (state.elsewhere.forward(listener, client, bytes, offset, length, now)) return;
      return state.drop(DROP_NO_ALLOCATION);
    }
    if (!allocation.ready || allocation.tcp !== undefined) return state.drop(DROP_NO_ALLOCATION);
    const peerAt = reader.find(ATTR_XOR_PEER_ADDRESS);
    const dataAt = reader.find(ATTR_DATA);
    const peer = this.#peer;
    if (peerAt < 0 || dataAt < 0 || !reader.xorAddress(peerAt, peer)) {
      return state.drop(DROP_MALFORMED);
    }
    state.toLocal(peer);
    const permission = allocation.permissionFor(peer, now);
    if (permission === undefined) return state.drop(DROP_NO_PERMISSION);
    if (!state.permits(permission, peer)) return state.drop(DROP_FORBIDDEN_PEER);
    // Where the engine cannot set the DF bit, the attribute was unknown and the indication is not here.
    const whole = reader.find(ATTR_DONT_FRAGMENT) >= 0;
    const length = reader.lengthAt(dataAt);
    this.#toPeer(allocation, permission, peer, reader.bytes, dataAt, length, now, whole);
  }

  /** An ICMP error about a datagram that a relay sent to a peer (RFC 8656 s11.5). */
  icmp(
    relay: Relay,
    peer: TransportAddress,
    type: number,
    code: number,
    info: number,
    now: number,
  ): void {
    const state = this.#state;
    const { allocation } = relay;
    if (allocation === undefined || now >= relay.expiresAt) return state.drop(DROP_NO_ALLOCATION);
    const relevant = peer.family === 4 ? ICMP_TYPES : ICMP6_TYPES;
    if (!relevant.includes(type)) return state.drop(DROP_UNEXPECTED);
    if (allocation.permissionFor(peer, now) === undefined) return state.drop(DROP_NO_PERMISSION);
    this.#nextTransaction();
    const total = this.#writer
      .start(this.#bytes, 0, METHOD_DATA, CLASS_INDICATION, this.#transaction, 0)
      .xorAddress(ATTR_XOR_PEER_ADDRESS, state.toExternal(peer))
      .icmp(type, code, info)
      .finish();
    const { listener, client } = allocation;
    if (listener.sink === undefined) {
      state.engine.send(listener.socket, client, this.#bytes, 0, total);
    } else listener.sink.send(client, this.#bytes, 0, total);
  }

  /** As `icmp`, at a socket that allocations share: whoever has sent to that peer is told. */
  icmpShared(
    shared: SharedRelay,
    peer: TransportAddress,
    type: number,
    code: number,
    info: number,
    now: number,
  ): void {
    const relay = shared.ownerOf(peer, now);
    if (relay === undefined) return this.#state.drop(DROP_NO_PERMISSION);
    this.icmp(relay, peer, type, code, info, now);
  }

  /** A datagram from a peer to a socket that allocations share. */
  fromPeerShared(
    shared: SharedRelay,
    peer: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): void {
    const relay = shared.addressee(peer, now);
    if (relay === undefined) return this.#state.drop(DROP_NO_PERMISSION);
    if (relay === 'ambiguous') return this.#state.drop(DROP_AMBIGUOUS_PEER);
    this.fromPeer(relay, peer, bytes, offset, length, now);
  }

  /** A datagram from a peer to a relayed transport address. */
  fromPeer(
    relay: Relay,
    peer: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): void {
    const state = this.#state;
    const { allocation } = relay;
    if (allocation === undefined || now >= relay.expiresAt) return state.drop(DROP_NO_ALLOCATION);
    const binding = allocation.channelsByPeer.get(peer);
    const permission = binding?.permission ?? allocation.permissions.get(peer);
    if (permission === undefined || now >= permission.expiresAt) {
      return state.drop(DROP_NO_PERMISSION);
    }
    if (permission.insideOnly && !state.permits(permission, peer)) {
      return state.drop(DROP_FORBIDDEN_PEER);
    }
    if (state.metered && !state.spend(allocation, length, now)) return state.drop(DROP_BANDWIDTH);
    const { listener, client } = allocation;
    if (binding !== undefined && now < binding.expiresAt) {
      if (length + 4 > DATAGRAM_BYTES_MAX) return state.drop(DROP_TOO_LARGE);
      const header = (binding.number << 16) | length;
      if (listener.sink === undefined) {
        state.engine.sendPrefixed(listener.socket, client, header, bytes, offset, length);
      } else listener.sink.sendPrefixed(client, header, bytes, offset, length);
    } else {
      const overhead =
        peer.family === 4 ? DATA_INDICATION_OVERHEAD_IPV4 : DATA_INDICATION_OVERHEAD_IPV6;
      if (length + overhead > DATAGRAM_BYTES_MAX) return state.drop(DROP_TOO_LARGE);
      const header = this.#dataIndication(state.toExternal(peer), length);
      const padding = PADDING[length & 3]!;
      const head = this.#bytes;
      if (listener.sink === undefined) {
        const { socket } = listener;
        state.engine.sendHeaded(socket, client, head, header, bytes, offset, length, padding);
      } else listener.sink.sendHeaded(client, head, header, bytes, offset, length, padding);
    }
    allocation.receivedPackets++;
    allocation.receivedBytes += length;
    state.traffic.received(listener.traffic, length);
  }

  /** As `fromPeer`, to the relay of this worker at `to`, a local address or an alias; false when there is none. */
  toOwnRelay(
    from: TransportAddress,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): boolean {
    const { pool } = this.#state;
    const relay = pool.byAddress.get(to);
    if (relay !== undefined) {
      this.fromPeer(relay, from, bytes, offset, length, now);
      return true;
    }
    const shared = pool.few?.byAddress.get(to);
    if (shared === undefined) return false;
    this.fromPeerShared(shared, from, bytes, offset, length, now);
    return true;
  }

  /**
   * A datagram from where else the process answers, at `from`, to the relay at `to`, which it knows by its alias: as
   * one from any peer, without the kernel.
   */
  fromInside(
    from: TransportAddress,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): void {
    const state = this.#state;
    const peer = this.#insideFrom.set(from);
    const local = this.#insideTo.set(to);
    state.toLocal(peer);
    state.toLocal(local);
    let owner = state.relayOwner(local);
    if (owner < 0) owner = workerOfAlias(local);
    if (owner < 0 || !this.#toRelay(owner, peer, local, bytes, offset, length, now)) {
      state.drop(DROP_NO_ALLOCATION);
    }
  }

  /**
   * To the peer, `whole` with the DF bit set (RFC 8656 s14); where it is another relay of ours, straight to its client
   * or to the worker that has it, and where the process answers itself, straight there: without the kernel.
   */
  #toPeer(
    allocation: Allocation,
    permission: Permission,
    peer: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
    whole: boolean,
  ): void {
    const state = this.#state;
    const relay = allocation.relayFor(peer);
    if (relay === undefined) return state.drop(DROP_NO_ALLOCATION);
    // What came by a stream may be longer than any datagram.
    if (length > DATAGRAM_BYTES_MAX) return state.drop(DROP_TOO_LARGE);
    const inside = state.handedOverAt(peer);
    // Whoever is handed something knows by the alias whose it is.
    if (relay.seat !== undefined && inside === undefined && !relay.seat.claim(peer, now)) {
      return state.drop(DROP_PEER_TAKEN);
    }
    if (state.metered && !state.spend(allocation, length, now)) return state.drop(DROP_BANDWIDTH);
    allocation.sentPackets++;
    allocation.sentBytes += length;
    state.traffic.sent(allocation.listener.traffic, length);
    if (inside !== undefined) {
      const to = this.#handedTo.set(inside);
      const { handOver } = state.options;
      if (handOver?.deliver(relay.alias, to, bytes, offset, length, now) === true) {
        state.shortCircuited++;
      } else state.drop(DROP_NEIGHBOUR_BUSY);
      return;
    }
    if (whole) {
      state.engine.sendWhole?.(relay.socket, peer, bytes, offset, length);
      return;
    }
    const { relayHost } = permission;
    const owner = relayHost < 0 ? -1 : state.commons.ports.liveOwner(relayHost, peer.port);
    if (owner < 0 || !this.#toRelay(owner, relay.local, peer, bytes, offset, length, now)) {
      state.engine.send(relay.socket, peer, bytes, offset, length);
    }
  }

  /** To the relay of that worker at `to`; false when there is no way but through the kernel. */
  #toRelay(
    owner: number,
    from: TransportAddress,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): boolean {
    const state = this.#state;
    if (owner === state.commons.self) {
      if (!this.toOwnRelay(from, to, bytes, offset, length, now)) return false;
      state.shortCircuited++;
      return true;
    }
    const { neighbours } = state.options;
    if (neighbours === undefined) return false;
    if (neighbours.forward(owner, from, to, bytes, offset, length)) state.shortCircuited++;
    else state.drop(DROP_NEIGHBOUR_BUSY);
    return true;
  }

  /** A Data indication up to its payload (RFC 8656 s11.3); returns how long that is. */
  #dataIndication(peer: TransportAddress, length: number): number {
    this.#nextTransaction();
    return this.#writer
      .start(this.#bytes, 0, METHOD_DATA, CLASS_INDICATION, this.#transaction, 0)
      .xorAddress(ATTR_XOR_PEER_ADDRESS, peer)
      .finishWithData(ATTR_DATA, length);
  }

  /** Counts up from a random start. */
  #nextTransaction(): void {
    const id = this.#transaction;
    for (let i = id.length - 1; i >= 0; i--) {
      id[i] = (id[i]! + 1) & 0xff;
      if (id[i] !== 0) return;
    }
  }
}
