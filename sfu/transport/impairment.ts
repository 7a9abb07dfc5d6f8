// What stands between a participant's transport and the engine while its network is made bad: a link each way, and
// which paths pass at all. STUN, DTLS and media alike: a bad network spares none of them. Sans-I/O. Ends by itself.
// Called by: MediaServer and IceLite with what comes, MediaTransport and IceLite with what goes, its timer.
// Allocates: as ImpairedLink. Participants without one pay a look at a field.

import { Timer, type Timers } from '../../shared/net/timer-wheel.ts';
import type { TransportAddress } from '../../shared/net/transport-address.ts';
import type { ImpairedPath, ImpairOrder } from '../control.ts';
import type { IceFilter } from '../ice/ice-session.ts';
import { DROP_IMPAIRED_PATH } from './drop-reason.ts';
import {
  type HeldPacket,
  ImpairedLink,
  type ImpairedMemory,
  LINK_KEPT,
  LINK_PASSES,
} from './impaired-link.ts';
import { IMPAIRED_MS_MAX } from './limits.ts';
import { type Outlet, pathOf } from './outlet.ts';

/** What the impairments of a worker share. */
export interface ImpairHost {
  readonly outlet: Outlet;
  readonly timers: Timers;
  readonly memory: ImpairedMemory;
  /** As if it came now. */
  receive(
    socket: number,
    from: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): void;
  drop(reason: number): void;
}

export class Impairment implements IceFilter {
  /** When what is sent next is sent: an engine has no need of it, so `send` is not told. */
  now: number;
  readonly #host: ImpairHost;
  readonly #onEnd: () => void;
  readonly #timer: Timer;
  #up: ImpairedLink | undefined = undefined;
  #down: ImpairedLink | undefined = undefined;
  #passes: ImpairedPath | undefined = undefined;
  #passesUntil = Infinity;
  /** What is handled has been kept already. */
  #isReleasing = false;

  /** @param onEnd once, when nothing is impaired any more, unless its owner frees it */
  constructor(host: ImpairHost, now: number, onEnd: () => void) {
    this.#host = host;
    this.now = now;
    this.#onEnd = onEnd;
    this.#timer = new Timer((at) => this.#onTimer(at));
  }

  /** What is left out stays as it is. Links that end hand over at once what they keep, in order. */
  apply({ up, down, passes, seed, ms }: ImpairOrder, now: number): void {
    this.now = now;
    const until = now + Math.min(ms, IMPAIRED_MS_MAX);
    const { memory } = this.#host;
    const old = { up: this.#up, down: this.#down };
    if (up !== undefined) {
      this.#up = up === null ? undefined : new ImpairedLink(up, seed, memory, until);
      this.#releaseUp(old.up, Infinity);
    }
    if (down !== undefined) {
      this.#down = down === null ? undefined : new ImpairedLink(down, seed + 1, memory, until);
      this.#releaseDown(old.down, Infinity);
    }
    if (passes !== undefined) {
      this.#passes = passes ?? undefined;
      this.#passesUntil = passes === null ? Infinity : until;
    }
    this.#goOn();
  }

  /** The peer has restarted ICE: what waited for that passes again. */
  onRestart(now: number): void {
    this.now = now;
    if (this.#passes !== 'nothing') return;
    this.#passes = undefined;
    this.#passesUntil = Infinity;
    this.#goOn();
  }

  /** Forgets all that it keeps. Idempotent; nothing happens by itself afterwards. */
  free(): void {
    this.#host.timers.cancel(this.#timer);
    this.#up?.free();
    this.#down?.free();
    this.#up = undefined;
    this.#down = undefined;
    this.#passes = undefined;
    this.#passesUntil = Infinity;
  }

  /** False: what came goes on. True: it is dropped, or comes again by `receive`. */
  takes(
    socket: number,
    from: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): boolean {
    this.now = now;
    if (this.#isReleasing) return false;
    return this.#isTaken(this.#up, socket, from, bytes, offset, length);
  }

  /** As an engine does: copied or gone when the call returns. */
  send(
    socket: number,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    if (this.#isTaken(this.#down, socket, to, bytes, offset, length)) return;
    this.#host.outlet.send(socket, to, bytes, offset, length);
  }

  #isTaken(
    link: ImpairedLink | undefined,
    socket: number,
    peer: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): boolean {
    if (this.#passes !== undefined && pathOf(socket) !== this.#passes) {
      this.#host.drop(DROP_IMPAIRED_PATH);
      return true;
    }
    if (link === undefined) return false;
    const wasDueAt = link.nextDueAt;
    const outcome = link.offer(socket, peer, bytes, offset, length, this.now);
    if (outcome === LINK_PASSES) return false;
    if (outcome !== LINK_KEPT) this.#host.drop(outcome);
    else if (wasDueAt === Infinity) this.#setTimer();
    return true;
  }

  #onTimer(now: number): void {
    this.now = now;
    this.#releaseUp(this.#up, now);
    this.#releaseDown(this.#down, now);
    if (now >= this.#passesUntil) {
      this.#passes = undefined;
      this.#passesUntil = Infinity;
    }
    const { up, down } = { up: this.#up, down: this.#down };
    if (up !== undefined && now >= up.until) {
      this.#up = undefined;
      this.#releaseUp(up, Infinity);
    }
    if (down !== undefined && now >= down.until) {
      this.#down = undefined;
      this.#releaseDown(down, Infinity);
    }
    this.#goOn();
  }

  /** All that is due by then. Any of it may have the transport closed, and this freed. */
  #releaseUp(link: ImpairedLink | undefined, dueBy: number): void {
    for (let packet = link?.takeDue(dueBy); packet !== undefined; packet = link?.takeDue(dueBy)) {
      this.#receive(packet);
    }
  }

  #receive({ socket, peer, bytes }: HeldPacket): void {
    this.#isReleasing = true;
    try {
      this.#host.receive(socket, peer, bytes, 0, bytes.length, this.now);
    } finally {
      this.#isReleasing = false;
    }
  }

  #releaseDown(link: ImpairedLink | undefined, dueBy: number): void {
    for (let packet = link?.takeDue(dueBy); packet !== undefined; packet = link?.takeDue(dueBy)) {
      const { socket, peer, bytes } = packet;
      this.#host.outlet.send(socket, peer, bytes, 0, bytes.length);
    }
  }

  #goOn(): void {
    if (this.#up ?? this.#down ?? this.#passes) return this.#setTimer();
    this.#host.timers.cancel(this.#timer);
    return this.#onEnd();
  }

  #setTimer(): void {
    const up = this.#up;
    const down = this.#down;
    const at = Math.min(
      this.#passesUntil,
      up === undefined ? Infinity : Math.min(up.until, up.nextDueAt),
      down === undefined ? Infinity : Math.min(down.until, down.nextDueAt),
    );
    this.#host.timers.schedule(this.#timer, at);
  }
}
