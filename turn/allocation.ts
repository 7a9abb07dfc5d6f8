// What RFC 8656 s6 keeps for a client: the allocation with its relays, permissions (s9) and channel bindings (s12).
// Expiry is a time compared on use, so nothing outlives it by a timer's delay; timers only free memory.

import { AddressTable } from '../shared/net/address-table.ts';
import type { Timer } from '../shared/net/timer-wheel.ts';
import type { AddressFamily, TransportAddress } from '../shared/net/transport-address.ts';
import type { TokenBucket } from '../shared/token-bucket.ts';
import type { ClientSink, ClientTransport } from './client-sink.ts';
import type { Seat } from './shared-relay.ts';
import type { TcpMeter } from './tcp-meter.ts';
import type { TokenGrant } from './third-party.ts';
import { Traffic } from './traffic.ts';

/** RFC 8656 s12: the channel numbers that may be bound. */
export const CHANNEL_NUMBER_MIN = 0x4000;
export const CHANNEL_NUMBER_MAX = 0x4fff;

/** RFC 5766 s11: what clients from before RFC 8656 may draw from, coturn's among them. */
export const LEGACY_CHANNEL_NUMBER_MAX = 0x7fff;

/** One relayed transport address of an allocation: a socket that it owns, or its seat at one that several share. */
export interface Relay {
  /** Of its own socket; -1 where it has none. */
  readonly tag: number;
  /** The engine's socket; where `tcp` is set, the number of the listener in `TcpRelays`. */
  readonly socket: number;
  readonly tcp: boolean;
  /** The number of its relay address. */
  readonly host: number;
  /** Where it is bound. */
  readonly local: TransportAddress;
  /** What clients and peers see: `local`, or its external mapping. */
  readonly relayed: TransportAddress;
  /** What it is called inside the process: `relayed`, but for one that shares its socket, which has a name of its own. */
  readonly alias: TransportAddress;
  /** Undefined where the socket is its own. */
  readonly seat: Seat | undefined;
  allocation: Allocation | undefined;
  /** Each relay of a dual allocation has its own time-to-expiry (RFC 8656 s6). */
  expiresAt: number;
}

/** RFC 8656 s9. Times are monotonic milliseconds. */
export interface Permission {
  readonly peer: TransportAddress;
  expiresAt: number;
  /**
   * The address is one of our own and nothing else allows it: then only live relayed transport addresses, and those at
   * which the process itself answers, may be reached through this permission, not whatever else listens there.
   */
  insideOnly: boolean;
  /** Which of our relay addresses it is, or -1: what goes there may not need to leave the process. */
  readonly relayHost: number;
}

/** RFC 8656 s12. */
export interface ChannelBinding {
  readonly number: number;
  readonly peer: TransportAddress;
  readonly permission: Permission;
  expiresAt: number;
}

/** Who made the allocation. */
export interface Credential {
  readonly username: string;
  /** Whose quota it counts against: for REST credentials the user without the timestamp, for tokens the kid. */
  readonly user: string;
  /** The token that it comes from; undefined for a long-term credential. */
  readonly grant: TokenGrant | undefined;
}

/**
 * The name in quotas and reservations. A token names no user, so all tokens under one kid count together; a user of
 * the same name is another one.
 */
export function holderOf({ user, grant }: Credential): string {
  return grant === undefined ? user : `\0${user}`;
}

/** RFC 8016: what an allocation has whose client may change its address. */
export interface Mobility {
  /** The allocation in its tickets. */
  readonly id: string;
  /** The last ticket, and its number: the one that the next move takes. */
  serial: number;
  ticket: Uint8Array;
  /** The last move that a ticket was used for. */
  move: Move | undefined;
}

/** The 5-tuple that an allocation moves to, or has moved to. */
export interface Move {
  readonly listener: Listener;
  readonly client: TransportAddress;
  /** The transaction id of its Refresh request: a retransmission gets the same answer. */
  readonly transaction: Uint8Array;
  /** When the first data came from there, monotonic milliseconds; -1 until then. */
  arrivedAt: number;
}

/** A 5-tuple whose allocation another worker has. */
export interface Detour {
  readonly listener: Listener;
  readonly client: TransportAddress;
  readonly worker: number;
  /** The allocation in its tickets. */
  readonly id: string;
  expiresAt: number;
}

export class Allocation {
  /** Numbers the allocations of this server in the order of their creation. Set when it is admitted, as is the next. */
  id = 0;
  /** Unix milliseconds. */
  createdAt = 0;
  /** With `client` the 5-tuple; both change when it moves. */
  listener: Listener;
  client: TransportAddress;
  readonly credential: Credential;
  /** The transaction id of the Allocate request that made it: a retransmission gets the same answer. */
  readonly transaction: Uint8Array;
  /** The latest token that it lives by, its own or that of a Refresh (RFC 7635 s9); undefined without tokens. */
  grant: TokenGrant | undefined;
  /** The account of the shared quota that it counts against, and how many units it has of it. */
  account = -1;
  units = 0;
  /** The bytes it may still relay; undefined where it has no limit of its own. */
  bandwidth: TokenBucket | undefined = undefined;
  /** Its user in the shared bandwidth; -1 where users have no limit. */
  bandwidthUser = -1;
  relay4: Relay | undefined = undefined;
  relay6: Relay | undefined = undefined;
  /** Set when it is admitted. */
  timer!: Timer;
  /** Set for a client that asked for a ticket (RFC 8016 s3.1.2). */
  mobility: Mobility | undefined = undefined;
  /** Set once the success response was sent; until then nothing can be done with it. */
  ready = false;
  reservationToken: Uint8Array | undefined = undefined;
  /** What its connections carry, where its relays are for TCP (RFC 6062); undefined where they are for UDP. */
  tcp: TcpMeter | undefined = undefined;
  /** ADDRESS-ERROR-CODE of a half-satisfied dual allocation (RFC 8656 s7.2 step 9); 0 = none. */
  addressError = 0;
  readonly permissions: AddressTable<Permission> = new AddressTable('host');
  readonly channelsByPeer: AddressTable<ChannelBinding> = new AddressTable('host-and-port');
  readonly channelsByNumber: Map<number, ChannelBinding> = new Map();
  sentPackets = 0;
  sentBytes = 0;
  receivedPackets = 0;
  receivedBytes = 0;
  /** Nothing of it is over before. */
  #nextExpiry = 0;

  constructor(
    listener: Listener,
    client: TransportAddress,
    credential: Credential,
    transaction: Uint8Array,
  ) {
    this.listener = listener;
    this.client = client;
    this.credential = credential;
    this.grant = credential.grant;
    this.transaction = transaction;
  }

  /**
   * Whether that credential may change it (RFC 8656 s5). Any good token may, where a token made it: the one that made
   * it expires, and the next may be under another kid (RFC 7635 s9).
   */
  belongsTo({ username, grant }: Credential): boolean {
    const made = this.credential;
    if (made.grant !== undefined || grant !== undefined) {
      return made.grant !== undefined && grant !== undefined;
    }
    return made.username === username;
  }

  /** Takes over what its TCP connections have carried by now. */
  countTcp(traffic: Traffic): void {
    if (this.tcp === undefined) return;
    const { sentBytes, receivedBytes } = this.tcp;
    const [sent, received] = [sentBytes - this.sentBytes, receivedBytes - this.receivedBytes];
    traffic.streamed(this.listener.traffic, sent, received);
    this.sentBytes = sentBytes;
    this.receivedBytes = receivedBytes;
  }

  relayFor(peer: TransportAddress): Relay | undefined {
    return peer.family === 4 ? this.relay4 : this.relay6;
  }

  /** One, or the two of a dual allocation. */
  get relays(): readonly Relay[] {
    return [this.relay4, this.relay6].filter((relay) => relay !== undefined);
  }

  /** The relay that goes on for longest: what LIFETIME tells the client. */
  get longest(): Relay | undefined {
    const { relay4, relay6 } = this;
    if (relay4 === undefined || relay6 === undefined) return relay4 ?? relay6;
    return relay6.expiresAt > relay4.expiresAt ? relay6 : relay4;
  }

  /** Ends the permissions and channels of one address family (RFC 8656 s8.1), and forgets its relay. */
  dropFamily(family: AddressFamily): void {
    if (family === 4) this.relay4 = undefined;
    else this.relay6 = undefined;
    for (const binding of this.channelsByNumber.values()) {
      if (binding.peer.family === family) this.unbind(binding);
    }
    for (const permission of this.permissions.values()) {
      if (permission.peer.family === family) this.permissions.delete(permission.peer);
    }
  }

  /** The permission for that IP address if it still holds. */
  permissionFor(peer: TransportAddress, now: number): Permission | undefined {
    const permission = this.permissions.get(peer);
    return permission !== undefined && now < permission.expiresAt ? permission : undefined;
  }

  /** Ends a permission before its time, and the channels that stand on it. */
  revoke(permission: Permission): void {
    for (const binding of this.channelsByNumber.values()) {
      if (binding.permission === permission) this.unbind(binding);
    }
    this.permissions.delete(permission.peer);
    permission.expiresAt = 0;
  }

  unbind(binding: ChannelBinding): void {
    this.channelsByNumber.delete(binding.number);
    this.channelsByPeer.delete(binding.peer);
  }

  /** Sweeps if that can free anything: a client that asks for more than there is room for costs no sweep each time. */
  makeRoom(now: number): void {
    if (now >= this.#nextExpiry) this.sweep(now);
  }

  /** Frees what is over. A permission outlives its expiry while a channel refers to it, and is renewed in place. */
  sweep(now: number): void {
    const inUse = new Set<Permission>();
    let next = Infinity;
    for (const binding of this.channelsByNumber.values()) {
      if (now >= binding.expiresAt) {
        this.unbind(binding);
        continue;
      }
      inUse.add(binding.permission);
      next = Math.min(next, binding.expiresAt);
    }
    for (const permission of this.permissions.values()) {
      if (now < permission.expiresAt) next = Math.min(next, permission.expiresAt);
      else if (!inUse.has(permission)) this.permissions.delete(permission.peer);
    }
    this.#nextExpiry = next;
  }

  /** Something of it, with nothing else that is new, is over at that time. */
  endsAt(expiresAt: number): void {
    this.#nextExpiry = Math.min(this.#nextExpiry, expiresAt);
  }
}

/** One transport address that clients send to, with the allocations of its 5-tuples (RFC 8656 s2, s6). */
export class Listener {
  /** The engine's; -1 where there is a sink. */
  readonly socket: number;
  readonly address: TransportAddress;
  readonly transport: ClientTransport;
  /** Where the traffic of that transport is counted. */
  readonly traffic: number;
  /** The way to its clients; undefined where that is the engine's socket. */
  readonly sink: ClientSink | undefined;
  /** By the client's transport address: server address and protocol are this listener's. */
  readonly allocations: AddressTable<Allocation> = new AddressTable('host-and-port');
  /** Those that are to move to a 5-tuple of this listener, and have sent nothing from there (RFC 8016 s3.2.2). */
  readonly arriving: AddressTable<Allocation> = new AddressTable('host-and-port');
  /** 5-tuples of allocations that other workers have. */
  readonly elsewhere: AddressTable<Detour> = new AddressTable('host-and-port');

  constructor(
    socket: number,
    address: TransportAddress,
    transport: ClientTransport = 'udp',
    sink?: ClientSink,
  ) {
    this.socket = socket;
    this.address = address;
    this.transport = transport;
    this.traffic = Traffic.baseOf(transport);
    this.sink = sink;
  }
}
