// A relay socket that allocations share, and whose of them a datagram of a peer is. A transport address is claimed by
// the first allocation that sends there or binds it to a channel, and is its own for as long as the permission holds.
// Called by: FewPorts, RelayPath, the handlers of permissions and channels. Allocates: nothing per packet, but once for
// each permission and each transport address that is claimed.

import { AddressTable } from '../shared/net/address-table.ts';
import type { TransportAddress } from '../shared/net/transport-address.ts';
import type { Permission, Relay } from './allocation.ts';

/** The permission of one allocation, as the others at the socket see it. */
interface Interest {
  readonly seat: Seat;
  permission: Permission;
  /** What it has claimed at that host. */
  readonly claims: Claim[];
}

/** A peer's transport address, and whose it is here. */
interface Claim {
  readonly peer: TransportAddress;
  interest: Interest;
}

export class SharedRelay {
  /** The engine's. */
  readonly socket: number;
  /** The number of its relay address. */
  readonly host: number;
  readonly local: TransportAddress;
  readonly relayed: TransportAddress;
  /** How many allocations are here. */
  seats = 0;
  readonly claims: AddressTable<Claim> = new AddressTable('host-and-port');
  /** By the peer's IP address, in the order in which the permissions were installed. */
  readonly interests: AddressTable<Interest[]> = new AddressTable('host');

  constructor(socket: number, host: number, local: TransportAddress, relayed: TransportAddress) {
    this.socket = socket;
    this.host = host;
    this.local = local;
    this.relayed = relayed;
  }

  /**
   * The relay that a datagram of that peer is for: whose it is, or, where it is nobody's, the only one with a
   * permission. Undefined when there is none, 'ambiguous' when there are several: none of them gets it.
   */
  addressee(peer: TransportAddress, now: number): Relay | 'ambiguous' | undefined {
    const claim = this.claims.get(peer);
    if (claim !== undefined && isLive(claim.interest, now)) return claim.interest.seat.relay;
    const interests = this.interests.get(peer);
    if (interests === undefined) return undefined;
    let only: Relay | undefined;
    for (let i = 0; i < interests.length; i++) {
      const interest = interests[i]!;
      if (!isLive(interest, now)) continue;
      if (only !== undefined) return 'ambiguous';
      only = interest.seat.relay;
    }
    return only;
  }

  /** The relay that has sent to that peer; undefined when none has, or its permission is over. */
  ownerOf(peer: TransportAddress, now: number): Relay | undefined {
    const claim = this.claims.get(peer);
    return claim !== undefined && isLive(claim.interest, now)
      ? claim.interest.seat.relay
      : undefined;
  }
}

/** The place of one allocation at a shared socket. */
export class Seat {
  /** Set once, right after it was made: each has the other. */
  relay!: Relay;
  /** How many transport addresses it has claimed. */
  claimed = 0;
  readonly #at: SharedRelay;
  readonly #claimsMax: number;
  readonly #interests = new Set<Interest>();

  constructor(at: SharedRelay, claimsMax: number) {
    this.#at = at;
    this.#claimsMax = claimsMax;
    at.seats++;
  }

  /** A permission is installed, or about to be renewed: after one that was over it begins anew, behind all others. */
  permit(permission: Permission, now: number): void {
    const known = this.#interestIn(permission.peer);
    if (known !== undefined && isLive(known, now)) {
      known.permission = permission;
      return;
    }
    if (known !== undefined) this.#forget(known);
    const interest: Interest = { seat: this, permission, claims: [] };
    this.#interests.add(interest);
    const { interests } = this.#at;
    const others = interests.get(permission.peer);
    if (others === undefined) interests.set(permission.peer.copy(), [interest]);
    else others.push(interest);
  }

  /**
   * Makes that peer its own, as it must be for data to go there; false when it cannot be, or no more can. Allocates
   * nothing once it is.
   */
  claim(peer: TransportAddress, now: number): boolean {
    const claim = this.#at.claims.get(peer);
    if (claim !== undefined && claim.interest.seat === this) return true;
    if (!this.canClaim(peer, now)) return false;
    const interest = this.#interestIn(peer);
    // A channel outlives its permission: data goes out, and nothing that comes back would be let in.
    if (interest === undefined) return true;
    this.claimed++;
    if (claim === undefined) {
      const made: Claim = { peer: peer.copy(), interest };
      this.#at.claims.set(made.peer, made);
      interest.claims.push(made);
    } else {
      const { seat, claims } = claim.interest;
      claims.splice(claims.indexOf(claim), 1);
      seat.claimed--;
      claim.interest = interest;
      interest.claims.push(claim);
    }
    return true;
  }

  /**
   * Whether that peer is, or may become, its own. It may not while it is another's, nor while another with an older
   * permission for the same host has claimed nothing there: that one may be waiting for this very peer.
   */
  canClaim(peer: TransportAddress, now: number): boolean {
    const claim = this.#at.claims.get(peer);
    if (claim !== undefined && claim.interest.seat === this) return true;
    if (claim !== undefined && isLive(claim.interest, now)) return false;
    return this.claimed < this.#claimsMax && !this.#isAwaited(peer, now);
  }

  /** Forgets what is over. */
  sweep(now: number): void {
    for (const interest of this.#interests) if (!isLive(interest, now)) this.#forget(interest);
  }

  /** The end of its allocation. */
  leave(): void {
    for (const interest of this.#interests) this.#forget(interest);
    this.#at.seats--;
  }

  #isAwaited(peer: TransportAddress, now: number): boolean {
    const others = this.#at.interests.get(peer);
    if (others === undefined) return false;
    for (let i = 0; i < others.length; i++) {
      const other = others[i]!;
      const live = isLive(other, now);
      if (other.seat === this && live) return false;
      // Everybody whose peers are relays of ours has a permission for the one address that these have.
      if (live && other.claims.length === 0 && other.permission.relayHost < 0) return true;
    }
    return false;
  }

  #interestIn(peer: TransportAddress): Interest | undefined {
    const others = this.#at.interests.get(peer);
    if (others === undefined) return undefined;
    for (let i = 0; i < others.length; i++) if (others[i]!.seat === this) return others[i];
    return undefined;
  }

  #forget(interest: Interest): void {
    const { interests, claims } = this.#at;
    const { permission, claims: own } = interest;
    for (const { peer } of own) claims.delete(peer);
    this.claimed -= own.length;
    this.#interests.delete(interest);
    const others = interests.get(permission.peer);
    if (others === undefined) return;
    others.splice(others.indexOf(interest), 1);
    if (others.length === 0) interests.delete(permission.peer);
  }
}

function isLive({ permission, seat }: Interest, now: number): boolean {
  return now < permission.expiresAt && now < seat.relay.expiresAt;
}
