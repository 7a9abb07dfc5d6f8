// What the TURN server is told: plain values, checked by whoever reads the configuration.

import type { Clock } from '../shared/clock.ts';
import type { RandomInt } from './port-allocator.ts';
import type { TransportAddress } from '../shared/net/transport-address.ts';

export interface RelayAddress {
  /** The address relays are bound to; its port is ignored. */
  readonly local: TransportAddress;
  /** What clients are told instead, where a NAT stands in front; the same port. */
  readonly external: TransportAddress | undefined;
}

export interface TurnOptions {
  readonly realm: string;
  readonly relays: readonly RelayAddress[];
  readonly ports: { readonly first: number; readonly last: number };
  readonly users: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly peers: { readonly allow: readonly string[]; readonly deny: readonly string[] };
  /** Further addresses that are never peers, such as this host's addresses at a wildcard listener's port. */
  readonly forbiddenPeers: readonly TransportAddress[];
  readonly quota: { readonly perUser: number; readonly total: number };
  /** The highest channel number that may be bound: CHANNEL_NUMBER_MAX or LEGACY_CHANNEL_NUMBER_MAX. */
  readonly channelNumberMax: number;
  /** Replies to unauthenticated requests a second and source network; 0 = no cap. */
  readonly unauthorizedPerSecond: number;
  /** Milliseconds. */
  readonly lifetimes: {
    readonly allocation: number;
    readonly allocationMax: number;
    readonly permission: number;
    readonly channel: number;
    readonly nonce: number;
  };
  readonly random: RandomInt;
  readonly clock: Clock;
}

/** What happens to allocations, for logs: control plane only, never once a packet. */
export interface TurnObserver {
  onAllocationCreated(event: AllocationEvent): void;
  onAllocationDeleted(event: AllocationEvent & { readonly reason: AllocationEnd }): void;
}

export type AllocationEnd = 'refreshed-to-zero' | 'expired' | 'closed';

export interface AllocationEvent {
  readonly user: string;
  readonly client: string;
  readonly relayed: readonly string[];
  readonly sentPackets: number;
  readonly sentBytes: number;
  readonly receivedPackets: number;
  readonly receivedBytes: number;
}
