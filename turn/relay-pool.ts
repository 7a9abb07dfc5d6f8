// Opens and closes the relay sockets: a free random port, tried anew when a stranger holds it (RFC 8656 s7.2).
// Every relay has one owner, an allocation or a reservation, and is closed once, here.

import { AddressTable } from '../shared/net/address-table.ts';
import type { Engine, OpenFailure, SocketOwner } from '../shared/net/engine.ts';
import type { AddressFamily, TransportAddress } from '../shared/net/transport-address.ts';
import type { Relay } from './allocation.ts';
import { OPEN_ATTEMPTS_MAX } from './limits.ts';
import type { TurnOptions } from './options.ts';
import { PortAllocator } from './port-allocator.ts';

/** What the port must be: any, even, or even with its successor held too (RFC 8656 s18.7). */
export type PortWish = 'any' | 'even' | 'pair';

/** `relays` is empty when none could be had; with `pair` it holds the even one first. */
export type RelaysOpened = (relays: readonly Relay[], now: number) => void;

interface Host {
  readonly local: TransportAddress;
  readonly external: TransportAddress | undefined;
  readonly ports: PortAllocator;
}

/** One request for relays, while its sockets open. */
interface Opening {
  readonly family: AddressFamily;
  readonly wish: PortWish;
  readonly done: RelaysOpened;
  attempts: number;
  pending: number;
  failed: boolean;
  opened: Relay[];
}

interface OpeningSocket {
  readonly opening: Opening;
  readonly socket: number;
  readonly host: Host;
  readonly port: number;
}

export class RelayPool {
  /** Live relays by their local address, to tell relays from other sockets on the same host. */
  readonly byAddress: AddressTable<Relay> = new AddressTable('host-and-port');
  readonly #engine: Engine;
  readonly #owner: SocketOwner;
  readonly #hosts: readonly Host[];
  readonly #now: () => number;
  /** By tag. Freed tags are reused, so it stays as long as the most relays there ever were. */
  readonly #relays: (Relay | undefined)[] = [];
  readonly #openings = new Map<number, OpeningSocket>();
  readonly #freeTags: number[] = [];

  constructor(engine: Engine, owner: SocketOwner, options: TurnOptions) {
    this.#engine = engine;
    this.#owner = owner;
    this.#now = () => options.clock.monotonic();
    this.#hosts = options.relays.map(({ local, external }) => ({
      local,
      external,
      ports: new PortAllocator(options.ports.first, options.ports.last, options.random),
    }));
  }

  supports(family: AddressFamily): boolean {
    return this.#hosts.some((host) => host.local.family === family);
  }

  get(tag: number): Relay | undefined {
    return this.#relays[tag];
  }

  open(family: AddressFamily, wish: PortWish, done: RelaysOpened): void {
    this.#attempt({ family, wish, done, attempts: 0, pending: 0, failed: false, opened: [] });
  }

  /** The engine's answer to one socket. */
  onOpened(tag: number, failure: OpenFailure | undefined): void {
    const entry = this.#openings.get(tag);
    if (entry === undefined) return;
    this.#openings.delete(tag);
    const { opening, socket, host, port } = entry;
    opening.pending--;
    if (failure === undefined) {
      opening.opened.push(this.#admit(tag, socket, host, port));
    } else {
      this.#freeTags.push(tag);
      host.ports.release(port);
      opening.failed = true;
    }
    if (opening.pending > 0) return;
    if (!opening.failed) {
      opening.opened.sort((a, b) => a.local.port - b.local.port);
      opening.done(opening.opened, this.#now());
      return;
    }
    for (const relay of opening.opened) this.close(relay);
    opening.opened = [];
    opening.failed = false;
    this.#attempt(opening);
  }

  close(relay: Relay): void {
    if (this.#relays[relay.tag] !== relay) return;
    this.#relays[relay.tag] = undefined;
    this.#freeTags.push(relay.tag);
    this.byAddress.delete(relay.local);
    this.#engine.close(relay.socket);
    const host = this.#hosts.find((candidate) => candidate.local.sameHost(relay.local));
    host?.ports.release(relay.local.port);
    relay.allocation = undefined;
  }

  #attempt(opening: Opening): void {
    const { family, wish } = opening;
    const taken = opening.attempts < OPEN_ATTEMPTS_MAX ? this.#take(family, wish) : undefined;
    if (taken === undefined) {
      opening.done([], this.#now());
      return;
    }
    const { host, port } = taken;
    opening.attempts++;
    const ports = wish === 'pair' ? [port, port + 1] : [port];
    opening.pending = ports.length;
    for (const each of ports) this.#openSocket(opening, host, each);
  }

  #openSocket(opening: Opening, host: Host, port: number): void {
    const tag = this.#freeTags.pop() ?? this.#relays.push(undefined) - 1;
    const address = host.local.copy();
    address.port = port;
    const socket = this.#engine.open(address, this.#owner, tag, { lowersTtl: true });
    this.#openings.set(tag, { opening, socket, host, port });
  }

  #admit(tag: number, socket: number, host: Host, port: number): Relay {
    const local = host.local.copy();
    local.port = port;
    const relayed = (host.external ?? host.local).copy();
    relayed.port = port;
    const relay: Relay = { tag, socket, local, relayed, allocation: undefined, expiresAt: 0 };
    this.#relays[tag] = relay;
    this.byAddress.set(local, relay);
    return relay;
  }

  /** Of the relay addresses of that family, the one with the most free ports that has what is wished for. */
  #take(family: AddressFamily, wish: PortWish): { host: Host; port: number } | undefined {
    const hosts = this.#hosts
      .filter((host) => host.local.family === family)
      .toSorted((a, b) => b.ports.free - a.ports.free);
    for (const host of hosts) {
      const port = wish === 'pair' ? host.ports.takePair() : host.ports.take(wish === 'even');
      if (port !== undefined) return { host, port };
    }
    return undefined;
  }
}
