// What the TURN server is told: plain values, checked by whoever reads the configuration.

import type { Clock } from '../shared/clock.ts';
import type { HandOver } from '../shared/net/hand-over.ts';
import type { TransportAddress } from '../shared/net/transport-address.ts';
import type { ClientTransport } from './client-sink.ts';
import type { Commons } from './commons.ts';
import type { KnownUser } from './outside-users.ts';
import type { RandomInt } from './shared-ports.ts';
import type { TcpRelayEvent } from './tcp-control.ts';
import type { ThirdPartyOptions } from './third-party.ts';

export interface RelayAddress {
  /** The address relays are bound to; its port is ignored. */
  readonly local: TransportAddress;
  /** What clients are told instead, where a NAT stands in front; the same port. */
  readonly external: TransportAddress | undefined;
}

/** RFC 5780 s6: the server listens at both addresses, at both ports each; all are of one family. */
export interface NatDiscoveryAddresses {
  readonly primary: TransportAddress;
  readonly alternate: TransportAddress;
}

/** What may change while the server runs: `TurnServer.reconfigure`. */
export interface TurnRules {
  readonly users: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly peers: { readonly allow: readonly string[]; readonly deny: readonly string[] };
  /** Allocations and reservations of one user, over all workers. */
  readonly quotaPerUser: number;
  /** Where new clients are sent to instead, in turn, by the family of their addresses (RFC 8489 s10). */
  readonly alternateServers: readonly TransportAddress[];
  /** When that is done: always, or while the server drains. */
  readonly redirect: 'always' | 'draining';
  /** Milliseconds. */
  readonly lifetimes: {
    readonly allocation: number;
    readonly allocationMax: number;
    readonly permission: number;
    readonly channel: number;
    readonly nonce: number;
  };
}

/** Besides the rules, what stays as it is for the life of the server. */
export interface TurnOptions extends TurnRules {
  readonly realm: string;
  /** In the same order in every worker: the commons know them by number. */
  readonly relays: readonly RelayAddress[];
  /** How many sockets all allocations share at each relay address; 0 = each has one of its own. */
  readonly sharedPorts: number;
  /** Further addresses that are never peers, such as this host's addresses at a wildcard listener's port. */
  readonly forbiddenPeers: readonly TransportAddress[];
  /** Tokens of authorization servers (RFC 7635), beside users and secrets; without it they are not understood. */
  readonly thirdParty?: ThirdPartyOptions | undefined;
  /** Without it the attributes of RFC 5780 are unknown. */
  readonly natDiscovery?: NatDiscoveryAddresses | undefined;
  /** What one allocation may have. The limits that hold for all workers are those of the commons. */
  readonly perAllocation: {
    readonly permissions: number;
    readonly channels: number;
    /** Bytes a second, both ways together; 0 = no limit. */
    readonly bandwidth: number;
  };
  /** The highest channel number that may be bound: CHANNEL_NUMBER_MAX or LEGACY_CHANNEL_NUMBER_MAX. */
  readonly channelNumberMax: number;
  /** Whether clients may change their addresses (RFC 8016). */
  readonly mobility: boolean;
  /** What the ids of allocations count from, 1 if left out: a worker in place of a dead one repeats none of its ids. */
  readonly firstAllocationId?: number | undefined;
  readonly random: RandomInt;
  /** One clock for all workers. */
  readonly clock: Clock;
  /** What this worker shares with the others. */
  readonly commons: Commons;
  /**
   * Asks somebody outside for a user who is neither static nor a REST name; what is said comes by
   * `TurnServer.userAnswer`. Without it there are no other users.
   */
  readonly askForUser?: ((username: string) => void) | undefined;
  /** What is known of such a user without asking, since another worker has. */
  readonly knownUser?: ((username: string) => KnownUser | undefined) | undefined;
  /** The way to whoever has TCP sockets; without it there are no TCP allocations (RFC 6062). */
  readonly tcpRelays?: ((event: TcpRelayEvent) => void) | undefined;
  /** The way to the other workers; without it what goes to their relays goes through the kernel. */
  readonly neighbours?: Neighbours | undefined;
  /** Where else the process answers, such as an SFU at its media addresses: those may be peers wherever they are. */
  readonly handOver?: HandOver | undefined;
}

/** The other workers of the process, as who has the relays that this one sends to, or the clients that it hears. */
export interface Neighbours {
  /**
   * Hands a datagram to the worker that has the relay at `to`, or the client at `from` where `to` is a listener, for
   * its `TurnServer.fromNeighbour`. Addresses and bytes are only good until the call returns. False when it takes no
   * more for now.
   */
  forward(
    worker: number,
    from: TransportAddress,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): boolean;
}

/** What happens to allocations, for logs: control plane only, never once a packet. */
export interface TurnObserver {
  onAllocationCreated(event: AllocationEvent): void;
  onAllocationDeleted(event: AllocationEvent & { readonly reason: AllocationEnd }): void;
}

export type AllocationEnd =
  | 'refreshed-to-zero'
  | 'expired'
  | 'closed'
  | 'disconnected'
  | 'ended-by-admin';

export interface AllocationEvent {
  readonly user: string;
  readonly client: string;
  /** Between client and server. */
  readonly transport: ClientTransport;
  readonly relayed: readonly string[];
  readonly sentPackets: number;
  readonly sentBytes: number;
  readonly receivedPackets: number;
  readonly receivedBytes: number;
}
