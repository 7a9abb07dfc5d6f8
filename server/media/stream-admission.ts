// Which connections there may be at the same time, in all and from one address (IPv6: one /64). One that has not shown
// yet that it may be here is waiting, and gives way: a flood of them drives out its own oldest ones, never who is in.
// Called by: TurnStreamsHost. Without I/O.

import { AddressCounts, type AddressCount } from '../../signaling/index.ts';

export interface AdmissionBounds {
  readonly total: number;
  readonly perAddress: number;
  readonly waitingPerAddress: number;
}

/** One connection's, from its `enter` to its `leave`. */
export interface Place {
  /** It waits no longer, and keeps its place. */
  settle(): void;
  /** Idempotent. */
  leave(): void;
}

interface Held extends Place {
  readonly evict: () => void;
}

export class StreamAdmission {
  readonly #bounds: AdmissionBounds;
  readonly #addresses = new AddressCounts();
  /** Oldest first, as sets have them. */
  readonly #waiting = new Set<Held>();
  readonly #waitingOf = new Map<string, Set<Held>>();
  #size = 0;

  constructor(bounds: AdmissionBounds) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Undefined where there is no room, and nobody waiting to make some.
   * @param address undefined where it is not known yet: then only all of them count
   * @param evict called when it has to go; its place is free by then
   */
  enter(address: string | undefined, evict: () => void): Place | undefined {
    const { total, perAddress, waitingPerAddress } = this.#bounds;
    if (address !== undefined) {
      const { key, unauthenticated, total: held } = this.#addresses.of(address);
      const isFull = unauthenticated >= waitingPerAddress || held >= perAddress;
      if (isFull && !evictOldest(this.#waitingOf.get(key))) return undefined;
    }
    if (this.#size >= total && !evictOldest(this.#waiting)) return undefined;
    return this.#hold(address === undefined ? undefined : this.#addresses.of(address), evict);
  }

  #hold(count: AddressCount | undefined, evict: () => void): Place {
    let isHeld = true;
    const held: Held = {
      evict,
      settle: () => {
        if (!this.#waiting.delete(held) || count === undefined) return;
        count.unauthenticated--;
        const others = this.#waitingOf.get(count.key);
        others?.delete(held);
        if (others?.size === 0) this.#waitingOf.delete(count.key);
      },
      leave: () => {
        if (!isHeld) return;
        isHeld = false;
        held.settle();
        this.#size--;
        if (count !== undefined) this.#addresses.close(count);
      },
    };
    this.#size++;
    this.#waiting.add(held);
    if (count === undefined) return held;
    this.#addresses.open(count);
    const others = this.#waitingOf.get(count.key) ?? new Set();
    this.#waitingOf.set(count.key, others.add(held));
    return held;
  }
}

function evictOldest(waiting: ReadonlySet<Held> | undefined): boolean {
  for (const held of waiting ?? []) {
    held.leave();
    held.evict();
    return true;
  }
  return false;
}
