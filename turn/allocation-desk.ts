// The allocations of one server for who operates it: a page of them, one with all that it has, and its end.
// Called by: the host, on the control plane. Allocates: an answer; nothing of it is kept.

import type { Allocation, ChannelBinding, Permission } from './allocation.ts';
import type { ClientTransport } from './client-sink.ts';
import type { TurnState } from './turn-state.ts';

/** Numbers and texts alone, so that it can be cloned to another thread. */
export interface AllocationReport {
  readonly id: number;
  /** Whose quota it counts against. */
  readonly user: string;
  readonly client: string;
  /** Between the client and this server. */
  readonly transport: ClientTransport;
  readonly relayed: readonly string[];
  /** Unix milliseconds. */
  readonly createdAt: number;
  /** Until it ends unless it is refreshed; of a dual allocation, until the last of its relays does. */
  readonly expiresInSeconds: number;
  readonly permissions: number;
  readonly channels: number;
  /** From the client to peers. */
  readonly sentPackets: number;
  readonly sentBytes: number;
  /** From peers to the client. */
  readonly receivedPackets: number;
  readonly receivedBytes: number;
}

export interface AllocationDetails extends Omit<AllocationReport, 'permissions' | 'channels'> {
  readonly permissions: readonly { readonly peer: string; readonly expiresInSeconds: number }[];
  readonly channels: readonly {
    readonly number: number;
    readonly peer: string;
    readonly expiresInSeconds: number;
  }[];
}

/** Times are monotonic milliseconds. What has expired is not there, whether or not its memory is free yet. */
export class AllocationDesk {
  readonly #state: TurnState;

  constructor(state: TurnState) {
    this.#state = state;
  }

  /** Those with ids above `after`, `max` at most, in their order. Costs a walk over those before them. */
  page(after: number, max: number, now: number): AllocationReport[] {
    const reports: AllocationReport[] = [];
    for (const allocation of this.#state.allocations.values()) {
      if (reports.length >= max) break;
      if (allocation.id <= after || !lives(allocation, now)) continue;
      allocation.countTcp(this.#state.traffic);
      reports.push(report(allocation, now));
    }
    return reports;
  }

  describe(id: number, now: number): AllocationDetails | undefined {
    const allocation = this.#find(id, now);
    if (allocation === undefined) return undefined;
    allocation.countTcp(this.#state.traffic);
    return {
      ...report(allocation, now),
      permissions: livePermissions(allocation, now).map(({ peer, expiresAt }) => ({
        peer: peer.host,
        expiresInSeconds: secondsLeft(expiresAt, now),
      })),
      channels: liveChannels(allocation, now).map(({ number, peer, expiresAt }) => ({
        number,
        peer: peer.toString(),
        expiresInSeconds: secondsLeft(expiresAt, now),
      })),
    };
  }

  /** Ends it as if it had expired: its client is not told (RFC 8656 has no message for that). False if there is none. */
  end(id: number, now: number): boolean {
    const allocation = this.#find(id, now);
    if (allocation === undefined) return false;
    this.#state.delete(allocation, 'ended-by-admin');
    return true;
  }

  #find(id: number, now: number): Allocation | undefined {
    const allocation = this.#state.allocations.get(id);
    return allocation !== undefined && lives(allocation, now) ? allocation : undefined;
  }
}

function lives({ ready, longest }: Allocation, now: number): boolean {
  return ready && longest !== undefined && now < longest.expiresAt;
}

function report(allocation: Allocation, now: number): AllocationReport {
  return {
    id: allocation.id,
    user: allocation.credential.user,
    client: allocation.client.toString(),
    transport: allocation.listener.transport,
    relayed: allocation.relays
      .filter(({ expiresAt }) => now < expiresAt)
      .map(({ relayed }) => relayed.toString()),
    createdAt: allocation.createdAt,
    expiresInSeconds: secondsLeft(allocation.longest?.expiresAt ?? now, now),
    permissions: livePermissions(allocation, now).length,
    channels: liveChannels(allocation, now).length,
    sentPackets: allocation.sentPackets,
    sentBytes: allocation.sentBytes,
    receivedPackets: allocation.receivedPackets,
    receivedBytes: allocation.receivedBytes,
  };
}

function livePermissions({ permissions }: Allocation, now: number): Permission[] {
  return permissions.values().filter(({ expiresAt }) => now < expiresAt);
}

function liveChannels({ channelsByNumber }: Allocation, now: number): ChannelBinding[] {
  return [...channelsByNumber.values()].filter(({ expiresAt }) => now < expiresAt);
}

function secondsLeft(at: number, now: number): number {
  return Math.max(0, Math.ceil((at - now) / 1000));
}
