// SSRCs and the slots that their states have in arrays: few at first, doubled up to a bound. An SSRC is never
// forgotten while the key lives: what it sent could be replayed, or its indexes be used twice.
// Called by: PacketIndexes, RtcpIndexes. Allocates: for a new SSRC.

const SLOTS_AT_FIRST = 8;

export class SsrcSlots {
  readonly #slots = new Map<number, number>();
  readonly #max: number;
  /** How many there is room for in the arrays of the owner. */
  capacity = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** The slot of an SSRC; -1 for one that has none. */
  find(ssrc: number): number {
    // As signed integers the keys are small ones to the engine, which boxes no number for them.
    return this.#slots.get(ssrc | 0) ?? -1;
  }

  get full(): boolean {
    return this.#slots.size >= this.#max;
  }

  /** A slot for an SSRC that has none; the owner has looked at `full`, and grows when `capacity` does. */
  add(ssrc: number): number {
    const slot = this.#slots.size;
    this.#slots.set(ssrc | 0, slot);
    if (slot === this.capacity) {
      this.capacity = Math.min(this.#max, Math.max(SLOTS_AT_FIRST, 2 * slot));
    }
    return slot;
  }
}
