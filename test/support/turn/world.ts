// What a protocol test of the TURN server stands on, whichever engine is below: a server, its listeners,
// sockets to talk to it with, and the options it was made with. A further engine is one more implementation
// of World.

import { randomInt } from 'node:crypto';
import { systemClock } from '../../../shared/clock.ts';
import type { Engine, EngineCounters } from '../../../shared/net/engine.ts';
import { type AddressFamily, TransportAddress } from '../../../shared/net/transport-address.ts';
import type { DropReason } from '../../../turn/drop-reason.ts';
import {
  type AllocationEnd,
  type AllocationEvent,
  Commons,
  type CommonsMemory,
  type TurnObserver,
  type TurnOptions,
  type TurnServer,
} from '../../../turn/index.ts';
import type { Datagram } from './fake-engine.ts';

export const REALM = 'example.org';
export const USER = 'user';
export const PASSWORD = 'pass';
export const OTHER_USER = 'other';
export const OTHER_PASSWORD = 'word';

/** A UDP socket of a client or a peer. */
export interface Endpoint {
  readonly address: TransportAddress;
  send(bytes: Uint8Array, to: TransportAddress): void;
  /** The next datagram; rejects when none comes. */
  receive(): Promise<Datagram>;
  /** All that has come and was not taken, once nothing is on its way any more. */
  rest(): Promise<Datagram[]>;
}

export interface World {
  readonly server: TurnServer;
  readonly options: TurnOptions;
  readonly events: RecordedEvents;
  readonly counters: EngineCounters;
  readonly engine: Engine;
  /** Whether the engine below can set the DF bit. */
  readonly canSetDontFragment: boolean;
  readonly listener4: TransportAddress;
  readonly listener6: TransportAddress;
  /** On the loopback address of that family, at a port of its own. */
  endpoint(family?: AddressFamily): Promise<Endpoint>;
  /** Waits until nothing is on its way. */
  settle(): Promise<void>;
  /** Closes server and endpoints; then no socket of the engine may be left. */
  close(): Promise<void>;
}

export class RecordedEvents implements TurnObserver {
  readonly created: AllocationEvent[] = [];
  readonly deleted: (AllocationEvent & { reason: AllocationEnd })[] = [];

  onAllocationCreated(event: AllocationEvent): void {
    this.created.push(event);
  }

  onAllocationDeleted(event: AllocationEvent & { reason: AllocationEnd }): void {
    this.deleted.push(event);
  }
}

/** What a test may ask for: options of the server, of its commons, and of the engine below. */
export interface WorldOptions extends Partial<Omit<TurnOptions, 'quotaPerUser' | 'perAllocation'>> {
  readonly ports?: { readonly first: number; readonly last: number };
  readonly quota?: { readonly perUser: number; readonly total: number };
  readonly unauthorizedPerSecond?: number;
  readonly allocationsPerSecond?: number;
  readonly permissions?: number;
  readonly channels?: number;
  readonly bandwidth?: {
    readonly perAllocation?: number;
    readonly perUser?: number;
    readonly total?: number;
  };
  readonly canSetDontFragment?: boolean;
}

/** Where the relays of a world are. */
export const RELAYS = ['127.0.0.1', '::1'];
const QUOTA = { perUser: 100, total: 1000 };

/** The memory that servers with these options share. */
export function commonsMemory(overrides: WorldOptions, workers: number): CommonsMemory {
  return Commons.memory({
    hosts: (overrides.relays ?? RELAYS).length,
    ports: overrides.ports ?? { first: 49_152, last: 65_535 },
    quotaTotal: (overrides.quota ?? QUOTA).total,
    unauthorizedPerSecond: overrides.unauthorizedPerSecond ?? 0,
    allocationsPerSecond: overrides.allocationsPerSecond ?? 0,
    bandwidth: {
      perUser: overrides.bandwidth?.perUser ?? 0,
      total: overrides.bandwidth?.total ?? 0,
    },
    workers,
  });
}

/** The defaults of every world: loopback relays of both families, loopback peers allowed, no cap, one worker. */
export function turnOptions(overrides: WorldOptions): TurnOptions {
  const { canSetDontFragment: _, ports: _p, ...rest } = overrides;
  const { unauthorizedPerSecond: _u, allocationsPerSecond: _a, ...asked } = rest;
  const { quota = QUOTA, permissions = 1024, channels = 1024, bandwidth, ...options } = asked;
  return {
    realm: REALM,
    relays: RELAYS.map((host) => relayOn(host)),
    sharedPorts: 0,
    users: { [USER]: PASSWORD, [OTHER_USER]: OTHER_PASSWORD },
    secrets: [],
    peers: { allow: ['127.0.0.0/8', '::1/128'], deny: [] },
    forbiddenPeers: [],
    quotaPerUser: quota.perUser,
    perAllocation: { permissions, channels, bandwidth: bandwidth?.perAllocation ?? 0 },
    channelNumberMax: 0x4fff,
    mobility: true,
    alternateServers: [],
    redirect: 'draining',
    lifetimes: {
      allocation: 600_000,
      allocationMax: 3_600_000,
      permission: 300_000,
      channel: 600_000,
      nonce: 3_600_000,
    },
    random: (n) => randomInt(n),
    clock: systemClock,
    commons: overrides.commons ?? new Commons(commonsMemory(overrides, 1), 0),
    ...options,
  };
}

export function relayOn(host: string, external?: string): TurnOptions['relays'][number] {
  return {
    local: address(host),
    external: external === undefined ? undefined : address(external),
  };
}

export function address(host: string, port = 0): TransportAddress {
  const parsed = TransportAddress.parse(host, port);
  if (parsed === undefined) throw new TypeError(`not an address: ${host}`);
  return parsed;
}

/** Where a server with these options listens besides its two listeners (RFC 5780 s6). */
export function discoveryListeners({ natDiscovery }: WorldOptions): TransportAddress[] {
  if (natDiscovery === undefined) return [];
  const { primary, alternate } = natDiscovery;
  return [
    address(primary.host, alternate.port),
    address(alternate.host, primary.port),
    alternate.copy(),
  ];
}

/** How many datagrams the server dropped for that reason so far, once nothing is on its way. */
export async function drops(world: World, reason: DropReason): Promise<number> {
  await world.settle();
  return world.server.stats().drops[reason] ?? 0;
}

/** Every reason that something was dropped for, with its count. */
export async function allDrops(world: World): Promise<Partial<Record<DropReason, number>>> {
  await world.settle();
  const entries = Object.entries(world.server.stats().drops);
  return Object.fromEntries(entries.filter(([, count]) => count > 0));
}
