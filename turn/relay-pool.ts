// Opens and closes the relay sockets: a free random port, tried anew when a stranger holds it (RFC 8656 s7.2).
// Every relay has one owner, an allocation, and is closed once, here. The second of a pair is parked: it belongs to a
// reservation until an allocation adopts it, or it is discarded here. Sockets that allocations share: `few`.

import { AddressTable } from '../shared/net/address-table.ts';
import type { Engine, OpenFailure, SocketOwner } from '../shared/net/engine.ts';
import type { AddressFamily, TransportAddress } from '../shared/net/transport-address.ts';
import type { Relay } from './allocation.ts';
import { FewPorts } from './few-ports.ts';
import { OPEN_ATTEMPTS_MAX } from './limits.ts';
import type { RelayAddress, TurnOptions } from './options.ts';
import type { RandomInt, SharedPorts } from './shared-ports.ts';
import type { ParkedRelay } from './shared-reservations.ts';
import type { TcpRelays } from './tcp-relays.ts';

/**
 * What the port must be: any, even, or even with its successor parked (RFC 8656 s18.7); `tcp` is any, to be listened at
 * (RFC 6062 s5.1).
 */
export type PortWish = 'any' | 'even' | 'pair' | 'tcp';

/** `relay` is undefined when none could be had; `second` is the other of a pair. */
export type RelayOpened = (
  relay: Relay | undefined,
  second: ParkedRelay | undefined,
  now: number,
) => void;

/** One request for a relay, while its sockets open. */
interface Opening {
  readonly family: AddressFamily;
  readonly wish: PortWish;
  readonly done: RelayOpened;
  attempts: number;
  pending: number;
  failed: boolean;
  relay: Relay | undefined;
  second: ParkedRelay | undefined;
}

interface OpeningSocket extends ParkedRelay {
  readonly opening: Opening;
  readonly parked: boolean;
}

export class RelayPool {
  /** Undefined where every allocation has a socket of its own. */
  readonly few: FewPorts | undefined;
  /**
   * Relays of this worker by their local address, to tell relays from other sockets on the same host; those that share
   * a socket by their aliases.
   */
  readonly byAddress: AddressTable<Relay> = new AddressTable('host-and-port');
  readonly #engine: Engine;
  readonly #owner: SocketOwner;
  readonly #hosts: readonly RelayAddress[];
  readonly #ports: SharedPorts;
  readonly #random: RandomInt;
  readonly #now: () => number;
  /** By tag. Freed tags are reused, so it stays as long as the most relays there ever were. */
  readonly #relays: (Relay | undefined)[] = [];
  /** Those for TCP, by the numbers of their listeners. */
  readonly #tcpRelays = new Map<number, Relay>();
  readonly #tcp: TcpRelays | undefined;
  readonly #openings = new Map<number, OpeningSocket>();
  readonly #freeTags: number[] = [];

  /** @param owner of sockets that allocations have, `sharing` of those that they share */
  constructor(
    engine: Engine,
    owner: SocketOwner,
    sharing: SocketOwner,
    options: TurnOptions,
    tcp?: TcpRelays,
  ) {
    this.#engine = engine;
    this.#owner = owner;
    this.#tcp = tcp;
    if (options.sharedPorts > 0) this.few = new FewPorts(engine, sharing, options, this.byAddress);
    this.#hosts = options.relays;
    this.#ports = options.commons.ports;
    this.#random = options.random;
    this.#now = () => options.clock.monotonic();
  }

  supports(family: AddressFamily): boolean {
    return this.#hosts.some(({ local }) => local.family === family);
  }

  /** The number of the relay address with that host, whatever the port; -1 for any other. Allocates nothing. */
  hostOf(address: TransportAddress): number {
    for (let host = 0; host < this.#hosts.length; host++) {
      if (this.#hosts[host]!.local.sameHost(address)) return host;
    }
    return -1;
  }

  get(tag: number): Relay | undefined {
    return this.#relays[tag];
  }

  /** The relay that listens by that number. */
  tcpRelay(listener: number): Relay | undefined {
    return this.#tcpRelays.get(listener);
  }

  /** Those that listen for TCP. */
  get tcpRelays(): Iterable<Relay> {
    return this.#tcpRelays.values();
  }

  open(family: AddressFamily, wish: PortWish, done: RelayOpened): void {
    if (this.few === undefined) this.#attempt(begin(family, wish, done));
    else if (wish === 'any') this.few.open(family, done);
    // Nobody can have a port of that kind, or the one behind it, where ports are shared (RFC 8656 s7.2).
    else done(undefined, undefined, this.#now());
  }

  /** Makes a relay of a parked one, whose port is this worker's by now. */
  adopt({ socket, host, port }: ParkedRelay, done: RelayOpened): void {
    const opening = begin(this.#hosts[host]!.local.family, 'any', done);
    opening.attempts = OPEN_ATTEMPTS_MAX;
    opening.pending = 1;
    const tag = this.#tag();
    const adopted = this.#engine.adopt(socket, this.#owner, tag, { lowersTtl: true });
    this.#openings.set(tag, { opening, socket: adopted, host, port, parked: false });
  }

  /** The engine's answer to one socket. */
  onOpened(tag: number, failure: OpenFailure | undefined): void {
    const entry = this.#openings.get(tag);
    if (entry === undefined) return;
    this.#openings.delete(tag);
    const { opening, socket, host, port, parked } = entry;
    opening.pending--;
    if (failure === undefined && !parked) {
      opening.relay = this.#admit(tag, entry);
    } else {
      this.#freeTags.push(tag);
      if (failure === undefined) opening.second = { socket, host, port };
      else this.#ports.release(host, port);
      opening.failed ||= failure !== undefined;
    }
    if (opening.pending > 0) return;
    if (!opening.failed) {
      opening.done(opening.relay, opening.second, this.#now());
      return;
    }
    if (opening.relay !== undefined) this.close(opening.relay);
    if (opening.second !== undefined) this.discard(opening.second);
    opening.relay = undefined;
    opening.second = undefined;
    opening.failed = false;
    this.#attempt(opening);
  }

  close(relay: Relay): void {
    if (relay.seat !== undefined) this.few?.close(relay);
    if (this.#relays[relay.tag] !== relay) return;
    this.#relays[relay.tag] = undefined;
    this.#freeTags.push(relay.tag);
    if (relay.tcp) {
      this.#tcpRelays.delete(relay.socket);
      this.#tcp?.unlisten(relay.socket);
    } else {
      this.byAddress.delete(relay.local);
      this.#engine.close(relay.socket);
    }
    this.#ports.release(relay.host, relay.local.port);
    relay.allocation = undefined;
  }

  /** Closes the socket of a reservation that this worker made. */
  discard({ socket, host, port }: ParkedRelay): void {
    this.#engine.discard(socket);
    this.#ports.release(host, port);
  }

  #attempt(opening: Opening): void {
    const { family, wish } = opening;
    const taken = opening.attempts < OPEN_ATTEMPTS_MAX ? this.#take(family, wish) : undefined;
    if (taken === undefined) {
      opening.done(undefined, undefined, this.#now());
      return;
    }
    const { host, port } = taken;
    opening.attempts++;
    opening.pending = wish === 'pair' ? 2 : 1;
    this.#openSocket(opening, host, port, false);
    if (wish === 'pair') this.#openSocket(opening, host, port + 1, true);
  }

  #openSocket(opening: Opening, host: number, port: number, parked: boolean): void {
    const tag = this.#tag();
    const address = this.#hosts[host]!.local.withPort(port);
    if (opening.wish === 'tcp' && this.#tcp !== undefined) {
      const socket = this.#tcp.listen(address, (failure) => this.onOpened(tag, failure));
      this.#openings.set(tag, { opening, socket, host, port, parked });
      return;
    }
    const options = parked ? { parked } : { lowersTtl: true };
    const socket = this.#engine.open(address, this.#owner, tag, options);
    this.#openings.set(tag, { opening, socket, host, port, parked });
  }

  #tag(): number {
    return this.#freeTags.pop() ?? this.#relays.push(undefined) - 1;
  }

  #admit(tag: number, { socket, host, port, opening }: OpeningSocket): Relay {
    const { local: bound, external } = this.#hosts[host]!;
    const local = bound.withPort(port);
    const relayed = (external ?? bound).withPort(port);
    const tcp = opening.wish === 'tcp';
    const allocation = undefined;
    // One literal, without spreading: packets read it, and what is put together is slower to read and boxes its number.
    const relay: Relay = {
      tag,
      socket,
      tcp,
      host,
      local,
      relayed,
      alias: relayed,
      seat: undefined,
      allocation,
      expiresAt: 0,
    };
    this.#relays[tag] = relay;
    if (tcp) {
      this.#tcpRelays.set(socket, relay);
      this.#ports.setLiveTcp(host, port);
    } else {
      this.byAddress.set(local, relay);
      this.#ports.setLive(host, port);
    }
    return relay;
  }

  /** Of the relay addresses of that family, the one with the most free ports that has what is wished for. */
  #take(family: AddressFamily, wish: PortWish): { host: number; port: number } | undefined {
    const ports = this.#ports;
    const hosts = [...this.#hosts.keys()]
      .filter((host) => this.#hosts[host]!.local.family === family)
      .toSorted((a, b) => ports.free(b) - ports.free(a));
    for (const host of hosts) {
      const port =
        wish === 'pair'
          ? ports.takePair(host, this.#random)
          : ports.take(host, wish === 'even', this.#random);
      if (port !== undefined) return { host, port };
    }
    return undefined;
  }
}

function begin(family: AddressFamily, wish: PortWish, done: RelayOpened): Opening {
  return {
    family,
    wish,
    done,
    attempts: 0,
    pending: 0,
    failed: false,
    relay: undefined,
    second: undefined,
  };
}
