// The relay sockets that all allocations of a worker share, a few for each relay address, where relay ports are scarce.
// Each opens when the first allocation comes to it, and stays open; an allocation gets the one with the fewest others.
// Called by: RelayPool. Allocates: on the control plane alone.

import { AddressTable } from '../shared/net/address-table.ts';
import type { Engine, OpenFailure, SocketOwner } from '../shared/net/engine.ts';
import type { AddressFamily, TransportAddress } from '../shared/net/transport-address.ts';
import type { Relay } from './allocation.ts';
import { OPEN_ATTEMPTS_MAX, SHARED_REOPEN_MS } from './limits.ts';
import type { TurnOptions } from './options.ts';
import { relayAlias } from './relay-alias.ts';
import type { RelayOpened } from './relay-pool.ts';
import { Seat, SharedRelay } from './shared-relay.ts';

const NUMBERS = 2 ** 32;

/** A place for a shared socket, which is open or about to be. */
interface Slot {
  readonly host: number;
  /** Those whose allocations come here once it is open. */
  waiting: RelayOpened[];
  attempts: number;
  shared: SharedRelay | undefined;
}

export class FewPorts {
  /** Those of this worker by their local address. */
  readonly byAddress: AddressTable<SharedRelay> = new AddressTable('host-and-port');
  readonly #engine: Engine;
  readonly #owner: SocketOwner;
  readonly #options: TurnOptions;
  /** By the relay address. */
  readonly #slots: readonly Slot[][];
  /** By the relay address: until when no further socket is tried, since one could not be had. */
  readonly #closedUntil: number[];
  /** By tag. */
  readonly #shared: (SharedRelay | undefined)[] = [];
  readonly #opening = new Map<number, { slot: Slot; socket: number; port: number }>();
  readonly #byAlias: AddressTable<Relay>;
  #nextTag = 0;
  #nextNumber: number;
  #closed = false;

  /** @param byAlias gets the relays that are made here */
  constructor(
    engine: Engine,
    owner: SocketOwner,
    options: TurnOptions,
    byAlias: AddressTable<Relay>,
  ) {
    this.#engine = engine;
    this.#owner = owner;
    this.#options = options;
    this.#byAlias = byAlias;
    this.#slots = options.relays.map(() => []);
    this.#closedUntil = options.relays.map(() => 0);
    // Who answers to a worker that has died meanwhile reaches none of the allocations of the next one.
    this.#nextNumber = options.random(NUMBERS);
  }

  get(tag: number): SharedRelay | undefined {
    return this.#shared[tag];
  }

  open(family: AddressFamily, done: RelayOpened): void {
    const slot = this.#choose(family);
    if (slot === undefined) done(undefined, undefined, this.#now());
    else if (slot.shared === undefined) slot.waiting.push(done);
    else this.#seat(slot.shared, done);
  }

  /** The engine's answer to one socket. */
  onOpened(tag: number, failure: OpenFailure | undefined): void {
    const entry = this.#opening.get(tag);
    if (entry === undefined) return;
    this.#opening.delete(tag);
    const { slot, socket, port } = entry;
    const { ports } = this.#options.commons;
    if (failure !== undefined) {
      ports.release(slot.host, port);
      this.#attempt(slot);
      return;
    }
    if (this.#closed) {
      this.#engine.close(socket);
      ports.release(slot.host, port);
      return;
    }
    const { local: bound, external } = this.#options.relays[slot.host]!;
    const local = bound.withPort(port);
    const shared = new SharedRelay(socket, slot.host, local, (external ?? bound).withPort(port));
    slot.shared = shared;
    this.#shared[tag] = shared;
    this.byAddress.set(local, shared);
    ports.setLive(slot.host, port);
    for (const done of slot.waiting.splice(0)) this.#seat(shared, done);
  }

  /** For the end of a relay that was made here. */
  close(relay: Relay): void {
    if (this.#byAlias.get(relay.alias) !== relay) return;
    this.#byAlias.delete(relay.alias);
    relay.seat?.leave();
    relay.allocation = undefined;
  }

  /** Closes the sockets, once no allocation is left. */
  closeAll(): void {
    this.#closed = true;
    for (const { shared } of this.#slots.flat()) {
      if (shared === undefined) continue;
      this.#engine.close(shared.socket);
      this.byAddress.delete(shared.local);
      this.#options.commons.ports.release(shared.host, shared.local.port);
    }
    this.#shared.length = 0;
  }

  /** One that has the fewest allocations, whichever of them: so nobody chooses whom to share a port with. */
  #choose(family: AddressFamily): Slot | undefined {
    const now = this.#now();
    for (const [host, slots] of this.#slots.entries()) {
      if (this.#options.relays[host]!.local.family !== family) continue;
      if (slots.length >= this.#options.sharedPorts || now < this.#closedUntil[host]!) continue;
      const slot: Slot = { host, waiting: [], attempts: 0, shared: undefined };
      slots.push(slot);
      this.#attempt(slot);
    }
    const slots = this.#slots
      .flat()
      .filter(({ host }) => this.#options.relays[host]!.local.family === family);
    const fewest = Math.min(...slots.map((slot) => loadOf(slot)));
    const best = slots.filter((slot) => loadOf(slot) === fewest);
    return best.length === 0 ? undefined : best[this.#options.random(best.length)];
  }

  /** Tries a port; who waits for it goes elsewhere when there is none. */
  #attempt(slot: Slot): void {
    const { host } = slot;
    const { commons, random, relays } = this.#options;
    const tries = !this.#closed && slot.attempts < OPEN_ATTEMPTS_MAX;
    const port = tries ? commons.ports.take(host, false, random) : undefined;
    if (port === undefined) {
      this.#giveUp(slot);
      return;
    }
    slot.attempts++;
    const tag = this.#nextTag++;
    const address = relays[host]!.local.withPort(port);
    const socket = this.#engine.open(address, this.#owner, tag, { lowersTtl: true });
    this.#opening.set(tag, { slot, socket, port });
  }

  #giveUp(slot: Slot): void {
    const { host } = slot;
    const slots = this.#slots[host]!;
    slots.splice(slots.indexOf(slot), 1);
    this.#closedUntil[host] = this.#now() + SHARED_REOPEN_MS;
    const { family } = this.#options.relays[host]!.local;
    for (const done of slot.waiting.splice(0)) this.open(family, done);
  }

  #seat(shared: SharedRelay, done: RelayOpened): void {
    const { socket, host, local, relayed } = shared;
    const { commons, perAllocation } = this.#options;
    const seat = new Seat(shared, perAllocation.channels);
    const alias = this.#alias(commons.self, host, relayed.port);
    const allocation = undefined;
    // One literal, as in RelayPool.
    const relay: Relay = {
      tag: -1,
      socket,
      tcp: false,
      host,
      local,
      relayed,
      alias,
      seat,
      allocation,
      expiresAt: 0,
    };
    seat.relay = relay;
    this.#byAlias.set(alias, relay);
    done(relay, undefined, this.#now());
  }

  #alias(worker: number, host: number, port: number): TransportAddress {
    for (;;) {
      const alias = relayAlias(worker, host, this.#nextNumber, port);
      this.#nextNumber = (this.#nextNumber + 1) % NUMBERS;
      if (this.#byAlias.get(alias) === undefined) return alias;
    }
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }
}

function loadOf({ shared, waiting }: Slot): number {
  return shared?.seats ?? waiting.length;
}
