// 5-tuples whose allocation another worker has: the kernel deals them to this one, since they changed (RFC 8016), and
// their datagrams go on to that one, which answers itself. Called by: the core, where a 5-tuple has no allocation here.
// Allocates: nothing per datagram.

import { Timer, type Timers } from '../shared/net/timer-wheel.ts';
import type { TransportAddress } from '../shared/net/transport-address.ts';
import type { Detour, Listener } from './allocation.ts';
import { DROP_NEIGHBOUR_BUSY } from './drop-reason.ts';
import { DETOURS_MAX, DETOURS_PER_ALLOCATION_MAX } from './limits.ts';
import type { TurnOptions } from './options.ts';
import type { Ticket } from './ticket.ts';

/** How often those that are over are looked for, while there are some. */
const SWEEP_EVERY_MS = 60_000;

export class Elsewhere {
  /** Set while a datagram of another worker is handled: two that think of each other would pass it on for ever. */
  paused = false;
  readonly #options: TurnOptions;
  readonly #timers: Timers;
  readonly #drop: (reason: number) => void;
  readonly #timer = new Timer((now) => this.#sweep(now));
  readonly #detours = new Set<Detour>();
  /** By the identifier in the ticket, the oldest first. */
  readonly #byAllocation = new Map<string, readonly Detour[]>();

  constructor(options: TurnOptions, timers: Timers, drop: (reason: number) => void) {
    this.#options = options;
    this.#timers = timers;
    this.#drop = drop;
  }

  /**
   * Has the datagrams of a 5-tuple go on to the worker of the ticket, for a client that has authenticated. False when
   * there is no way, or no room.
   */
  add(listener: Listener, client: TransportAddress, ticket: Ticket, now: number): boolean {
    const { worker, id } = ticket;
    const { neighbours, commons, lifetimes } = this.#options;
    // Who has come to a sink can only be answered through it.
    if (this.paused || neighbours === undefined || listener.sink !== undefined) return false;
    if (worker === commons.self || worker >= commons.workers) return false;
    const before = listener.elsewhere.get(client);
    if (before !== undefined) this.#remove(before);
    const siblings = this.#byAllocation.get(id) ?? [];
    if (siblings.length >= DETOURS_PER_ALLOCATION_MAX) this.#remove(siblings[0]!);
    if (this.#detours.size >= DETOURS_MAX) return false;
    const expiresAt = now + lifetimes.allocationMax;
    const detour: Detour = { listener, client: client.copy(), worker, id, expiresAt };
    this.#detours.add(detour);
    this.#byAllocation.set(id, [...(this.#byAllocation.get(id) ?? []), detour]);
    listener.elsewhere.set(detour.client, detour);
    if (!this.#timer.scheduled) this.#timers.schedule(this.#timer, now + SWEEP_EVERY_MS);
    return true;
  }

  /** Hands a datagram on, or drops it where the other worker takes no more; false where it goes nowhere. */
  forward(
    listener: Listener,
    client: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): boolean {
    const detour = listener.elsewhere.get(client);
    if (detour === undefined || now >= detour.expiresAt || this.paused) return false;
    const { neighbours, lifetimes } = this.#options;
    // No allocation lives longer than this without a word of its client.
    detour.expiresAt = now + lifetimes.allocationMax;
    const { worker } = detour;
    const taken = neighbours?.forward(worker, client, listener.address, bytes, offset, length);
    if (taken !== true) this.#drop(DROP_NEIGHBOUR_BUSY);
    return true;
  }

  close(): void {
    this.#timers.cancel(this.#timer);
  }

  #remove(detour: Detour): void {
    const { listener, client, id } = detour;
    this.#detours.delete(detour);
    listener.elsewhere.delete(client);
    const siblings = (this.#byAllocation.get(id) ?? []).filter((one) => one !== detour);
    if (siblings.length === 0) this.#byAllocation.delete(id);
    else this.#byAllocation.set(id, siblings);
  }

  #sweep(now: number): void {
    for (const detour of this.#detours) {
      if (now >= detour.expiresAt) this.#remove(detour);
    }
    if (this.#detours.size > 0) this.#timers.schedule(this.#timer, now + SWEEP_EVERY_MS);
  }
}
