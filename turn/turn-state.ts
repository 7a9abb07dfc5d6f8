// What the handlers of the TURN server share: tables, counters and the life and death of allocations.
// Every allocation has one owner, its listener's table; deleting it here closes its relays and frees its quota, once.

import type { Engine } from '../shared/net/engine.ts';
import { Timer } from '../shared/net/timer-wheel.ts';
import { TransportAddress } from '../shared/net/transport-address.ts';
import { TokenBucket } from '../shared/token-bucket.ts';
import {
  SECURITY_FEATURE_PASSWORD_ALGORITHMS,
  SECURITY_FEATURE_USERNAME_ANONYMITY,
} from '../shared/stun/nonce-cookie.ts';
import type { Allocation, Listener, Permission, Relay } from './allocation.ts';
import { AlternateServers } from './alternate-servers.ts';
import type { Commons } from './commons.ts';
import { CredentialStore } from './credentials.ts';
import { DROP_REASONS } from './drop-reason.ts';
import { Elsewhere } from './elsewhere.ts';
import { RESERVATION_LIFETIME_MS } from './limits.ts';
import { Mobility } from './mobility.ts';
import { NonceMint } from './nonce.ts';
import type {
  AllocationEnd,
  AllocationEvent,
  TurnObserver,
  TurnOptions,
  TurnRules,
} from './options.ts';
import { PeerPolicy, type PeerVerdict } from './peer-policy.ts';
import { hostOfAlias } from './relay-alias.ts';
import type { RelayOpened, RelayPool } from './relay-pool.ts';
import { Responder } from './responder.ts';
import { burstBytes } from './shared-bandwidth.ts';
import type { ParkedRelay } from './shared-reservations.ts';
import type { TcpRelays } from './tcp-relays.ts';
import { ThirdParty } from './third-party.ts';
import { Traffic } from './traffic.ts';

/** How often this worker looks at its reservations while it has some. */
const RESERVATIONS_EVERY_MS = 1000;

/** The headers of IPv4 and UDP, which count against bandwidth: an empty datagram is not for nothing. */
const HEADERS_BYTES = 28;

export class TurnState {
  /** Of its own: the part of them that is `TurnRules` changes by `reconfigure`, so it is read where it is used. */
  readonly options: TurnOptions;
  /** Undefined where there are no TCP allocations (RFC 6062). */
  readonly tcp: TcpRelays | undefined;
  readonly engine: Engine;
  readonly responder: Responder;
  credentials: CredentialStore;
  readonly thirdParty: ThirdParty | undefined;
  nonces: NonceMint;
  readonly policy: PeerPolicy;
  readonly pool: RelayPool;
  readonly commons: Commons;
  readonly mobility: Mobility;
  readonly elsewhere: Elsewhere;
  alternates: AlternateServers;
  /** By id, and so in the order of their creation. */
  readonly allocations: Map<number, Allocation> = new Map();
  /** By reason, as in drop-reason.ts. */
  readonly drops: Float64Array = new Float64Array(DROP_REASONS.length);
  readonly traffic: Traffic = new Traffic();
  /** Whether there is any limit on bandwidth: without one a packet costs this look. */
  readonly metered: boolean;
  /** Datagrams handed over inside the process: between two relays, and to and from where else it answers. */
  shortCircuited = 0;
  /** No new allocations. */
  draining = false;
  /** Undefined costs nothing. */
  observer: TurnObserver | undefined;
  readonly #reservationTimer = new Timer((now) => this.#expireReservations(now));
  readonly #external = new TransportAddress();
  readonly #inside = new TransportAddress();
  /** Whether sockets of this engine can be adopted by other threads, and theirs by it. */
  readonly #moves: boolean;
  #nextId: number;

  constructor(
    options: TurnOptions,
    engine: Engine,
    pool: RelayPool,
    observer?: TurnObserver,
    tcp?: TcpRelays,
  ) {
    this.options = { ...options };
    this.tcp = tcp;
    this.engine = engine;
    this.pool = pool;
    this.observer = observer;
    this.responder = new Responder(engine);
    this.credentials = new CredentialStore(options, options.clock);
    const { thirdParty, realm } = options;
    this.thirdParty = thirdParty === undefined ? undefined : new ThirdParty(thirdParty, realm);
    this.nonces = nonceMintFor(this.credentials, options);
    this.commons = options.commons;
    this.mobility = new Mobility(
      this.commons.ticketSecret,
      this.commons.self,
      (allocation, now) => this.expire(allocation, now),
      this.traffic,
    );
    this.elsewhere = new Elsewhere(this.options, engine.timers, (reason) => this.drop(reason));
    this.alternates = new AlternateServers(options.alternateServers);
    this.metered = options.perAllocation.bandwidth > 0 || options.commons.bandwidth.limited;
    this.#moves = engine.kind === 'linux';
    this.#nextId = options.firstAllocationId ?? 1;
    this.policy = new PeerPolicy({
      allow: options.peers.allow,
      deny: options.peers.deny,
      relays: options.relays.flatMap(({ local, external }) =>
        external === undefined ? [local] : [local, external],
      ),
      own: options.forbiddenPeers,
      handOver: options.handOver,
    });
  }

  /**
   * Goes by other rules from now on, and keeps every allocation: whose user or secret is gone is refused with its next
   * request. Permissions for peers that are denied now end at once. Costs a walk over all permissions. Throws what the
   * constructor throws, and changes nothing then.
   */
  reconfigure(rules: TurnRules): void {
    const options = { ...this.options, ...rules };
    const credentials = new CredentialStore(options, options.clock, this.credentials.outside);
    this.policy.replace(rules.peers);
    Object.assign(this.options, rules);
    this.credentials = credentials;
    this.nonces = nonceMintFor(credentials, options);
    this.alternates = new AlternateServers(rules.alternateServers);
    for (const allocation of this.allocations.values()) {
      for (const permission of allocation.permissions.values()) {
        const verdict = this.policy.judge(permission.peer);
        if (verdict === 'denied') allocation.revoke(permission);
        else permission.insideOnly = verdict === 'inside-only';
      }
    }
  }

  drop(reason: number): void {
    this.drops[reason] = (this.drops[reason] ?? 0) + 1;
  }

  /** The allocation of that 5-tuple, with what has expired taken away first. Allocates nothing while it lives. */
  find(listener: Listener, client: TransportAddress, now: number): Allocation | undefined {
    const allocation = listener.allocations.get(client);
    if (allocation === undefined || !allocation.ready) return allocation;
    return this.expire(allocation, now) ? undefined : allocation;
  }

  /** As `find`, or the allocation that is to move to that 5-tuple: what requests from there are about. */
  at(listener: Listener, client: TransportAddress, now: number): Allocation | undefined {
    return this.find(listener, client, now) ?? this.mobility.expected(listener, client, now);
  }

  /** Takes away the relays whose time is over; true when that was the end of the allocation. */
  expire(allocation: Allocation, now: number): boolean {
    const { relay4, relay6 } = allocation;
    const over4 = relay4 === undefined || now >= relay4.expiresAt;
    const over6 = relay6 === undefined || now >= relay6.expiresAt;
    if (over4 && over6) {
      this.delete(allocation, 'expired');
      return true;
    }
    if (over4 && relay4 !== undefined) this.dropRelay(allocation, relay4);
    if (over6 && relay6 !== undefined) this.dropRelay(allocation, relay6);
    return false;
  }

  /** Takes units of the quota, over all workers: an account for `admit`, or what `SharedQuota.take` says instead. */
  takeQuota(holder: string, units: number): number {
    const { keys, quota } = this.commons;
    return quota.take(keys.of(holder), units, this.options.quotaPerUser);
  }

  /** Admits an allocation whose relays are still to open. It has the units of the quota from now on. */
  admit(allocation: Allocation, account: number, units: number): void {
    allocation.id = this.#nextId++;
    allocation.createdAt = this.options.clock.wall();
    allocation.account = account;
    allocation.units = units;
    const { bandwidth } = this.options.perAllocation;
    if (bandwidth > 0) allocation.bandwidth = new TokenBucket(bandwidth, burstBytes(bandwidth));
    allocation.bandwidthUser = this.commons.bandwidth.open(allocation.credential.user);
    this.traffic.allocated(allocation.listener.traffic, 1);
    allocation.timer = new Timer((now) => this.#look(allocation, now));
    this.allocations.set(allocation.id, allocation);
    allocation.listener.allocations.set(allocation.client, allocation);
  }

  /** Holds the second relay of a pair for a later allocation, of whichever worker; one unit goes with it. */
  reserve(allocation: Allocation, second: ParkedRelay, now: number): void {
    const { reservations } = this.commons;
    allocation.units--;
    allocation.reservationToken = reservations.hold(second, allocation.account, this.#moves, now);
    if (!this.#reservationTimer.scheduled) {
      this.engine.timers.schedule(this.#reservationTimer, now + RESERVATION_LIFETIME_MS);
    }
  }

  /**
   * Takes up what a token holds, and opens it as a relay of this worker: an account for `admit`, with one unit, or -1
   * for a token that is not good.
   */
  takeReservation(token: Uint8Array, holder: string, now: number, done: RelayOpened): number {
    const { keys, reservations } = this.commons;
    return reservations.take(token, keys.of(holder), this.#moves, now, (relay) =>
      this.pool.adopt(relay, done),
    );
  }

  /** Says that it is ready for use. */
  announce(allocation: Allocation): void {
    this.observer?.onAllocationCreated(describe(allocation));
  }

  dropRelay(allocation: Allocation, relay: Relay): void {
    allocation.dropFamily(relay.local.family);
    this.pool.close(relay);
  }

  /** Ends an allocation: idempotent. */
  delete(allocation: Allocation, reason: AllocationEnd): void {
    if (!this.allocations.delete(allocation.id)) return;
    allocation.countTcp(this.traffic);
    this.engine.timers.cancel(allocation.timer);
    allocation.listener.allocations.delete(allocation.client);
    this.mobility.forget(allocation);
    // In this order there are never more users of the bandwidth than allocations of the quota.
    this.commons.bandwidth.close(allocation.bandwidthUser);
    this.commons.quota.give(allocation.account, allocation.units);
    this.traffic.allocated(allocation.listener.traffic, -1);
    const { relay4, relay6, ready } = allocation;
    const event = ready && this.observer !== undefined ? describe(allocation) : undefined;
    if (relay4 !== undefined) this.dropRelay(allocation, relay4);
    if (relay6 !== undefined) this.dropRelay(allocation, relay6);
    if (event !== undefined) this.observer?.onAllocationDeleted({ ...event, reason });
  }

  /**
   * A peer address as the client wrote it, turned into the one to send to: the external address of our own relay
   * becomes the address it is bound to, since no NAT is sure to bring our packets back to us.
   */
  toLocal(peer: TransportAddress): void {
    for (const { local, external } of this.options.relays) {
      if (external?.sameHost(peer) !== true) continue;
      const { port } = peer;
      peer.set(local);
      peer.port = port;
      return;
    }
  }

  /**
   * The reverse of `toLocal`, for addresses that the client is told: those of live relays, whichever worker has them,
   * and where else the process answers. Good until the next call. Allocates nothing.
   */
  toExternal(peer: TransportAddress): TransportAddress {
    if (this.relayOwner(peer) < 0) return this.handedOverAt(peer) ?? peer;
    const external = this.options.relays[this.pool.hostOf(peer)]?.external;
    if (external === undefined) return peer;
    this.#external.set(external);
    this.#external.port = peer.port;
    return this.#external;
  }

  /** What clients know an alias as, whichever worker has it, and anything else as it is. As `toExternal`. */
  relayedAddress(alias: TransportAddress): TransportAddress {
    const relay = this.options.relays[hostOfAlias(alias)];
    if (relay === undefined) return alias;
    this.#external.set(relay.external ?? relay.local);
    this.#external.port = alias.port;
    return this.#external;
  }

  /** The worker that has a live relay at that local address, or -1. */
  relayOwner(local: TransportAddress): number {
    const host = this.pool.hostOf(local);
    return host < 0 ? -1 : this.commons.ports.liveOwner(host, local.port);
  }

  /**
   * What a peer address, as `toLocal` made it, is registered under by who answers there; undefined where nobody in the
   * process does. Good until the next call. Allocates nothing.
   */
  handedOverAt(peer: TransportAddress): TransportAddress | undefined {
    const { handOver, relays } = this.options;
    if (handOver === undefined) return undefined;
    const host = this.pool.hostOf(peer);
    const external = host < 0 ? undefined : relays[host]!.external;
    if (external !== undefined) {
      this.#inside.set(external);
      this.#inside.port = peer.port;
      if (handOver.ownerOf(this.#inside) >= 0) return this.#inside;
    }
    return handOver.ownerOf(peer) < 0 ? undefined : peer;
  }

  /** Judges where data may go to: the policy for the host, then what the port adds. */
  judgeDestination(peer: TransportAddress, verdict: PeerVerdict): boolean {
    if (verdict === 'denied' || this.policy.isOwn(peer)) return false;
    if (verdict === 'allowed') return true;
    return this.relayOwner(peer) >= 0 || this.handedOverAt(peer) !== undefined;
  }

  /** As `judgeDestination`, of TCP: of our own addresses there are the relays for TCP, and nothing else (RFC 6062). */
  judgeTcp(peer: TransportAddress, verdict: PeerVerdict): boolean {
    if (verdict === 'denied' || this.policy.isOwn(peer)) return false;
    return verdict === 'allowed' || this.#isTcpRelay(peer);
  }

  /** As `toExternal`, of TCP. */
  tcpToExternal(peer: TransportAddress): TransportAddress {
    const host = this.#isTcpRelay(peer) ? this.pool.hostOf(peer) : -1;
    const external = this.options.relays[host]?.external;
    if (external === undefined) return peer;
    this.#external.set(external);
    this.#external.port = peer.port;
    return this.#external;
  }

  #isTcpRelay(local: TransportAddress): boolean {
    const host = this.pool.hostOf(local);
    return host >= 0 && this.commons.ports.isLiveTcp(host, local.port);
  }

  /** As `judgeDestination`, through a permission that already stands. Allocates nothing. */
  permits(permission: Permission, peer: TransportAddress): boolean {
    return this.judgeDestination(peer, permission.insideOnly ? 'inside-only' : 'allowed');
  }

  /** Takes a packet with that much payload out of every limit on bandwidth, or of none. Allocates nothing. */
  spend(allocation: Allocation, length: number, now: number): boolean {
    const bytes = length + HEADERS_BYTES;
    const { bandwidth, bandwidthUser } = allocation;
    if (bandwidth !== undefined && bandwidth.waitMs(bytes, now) > 0) return false;
    if (!this.commons.bandwidth.take(bandwidthUser, bytes, now)) return false;
    bandwidth?.take(bytes);
    return true;
  }

  /** Has the allocation looked at when something of it may be over. */
  watch(allocation: Allocation, now: number): void {
    const { relay4, relay6 } = allocation;
    let at = now + this.options.lifetimes.permission;
    if (relay4 !== undefined) at = Math.min(at, relay4.expiresAt);
    if (relay6 !== undefined) at = Math.min(at, relay6.expiresAt);
    this.engine.timers.schedule(allocation.timer, at);
  }

  /** Frees what is over of an allocation. The hot path never waits for it: every use compares times itself. */
  #look(allocation: Allocation, now: number): void {
    if (this.expire(allocation, now)) return;
    allocation.sweep(now);
    allocation.relay4?.seat?.sweep(now);
    allocation.relay6?.seat?.sweep(now);
    this.watch(allocation, now);
  }

  /** Frees the reservations that this worker made and that are over. */
  #expireReservations(now: number): void {
    const { reservations, quota } = this.commons;
    for (const relay of reservations.expire(now)) this.pool.discard(relay);
    if (quota.own.reservations > 0) {
      this.engine.timers.schedule(this.#reservationTimer, now + RESERVATIONS_EVERY_MS);
    }
  }

  /** Ends all reservations that this worker made. */
  endReservations(): void {
    this.engine.timers.cancel(this.#reservationTimer);
    for (const relay of this.commons.reservations.expire(Infinity)) this.pool.discard(relay);
  }
}

function nonceMintFor(
  { supportsUserHash }: CredentialStore,
  { lifetimes, commons }: TurnOptions,
): NonceMint {
  const anonymity = supportsUserHash ? SECURITY_FEATURE_USERNAME_ANONYMITY : 0;
  return new NonceMint(SECURITY_FEATURE_PASSWORD_ALGORITHMS | anonymity, lifetimes.nonce, commons);
}

function describe(allocation: Allocation): AllocationEvent {
  return {
    user: allocation.credential.user,
    client: allocation.client.toString(),
    transport: allocation.listener.transport,
    relayed: allocation.relays.map((relay) => relay.relayed.toString()),
    sentPackets: allocation.sentPackets,
    sentBytes: allocation.sentBytes,
    receivedPackets: allocation.receivedPackets,
    receivedBytes: allocation.receivedBytes,
  };
}
