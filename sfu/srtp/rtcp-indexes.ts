// Which SRTCP indexes have been there, per SSRC (RFC 3711 s3.3.2, s3.4): the packet says its index itself.
// Called by: SrtpReceiver. Allocates: for a new SSRC.

import { SRTP_REPLAYED, SRTP_TOO_MANY_SSRCS } from './outcome.ts';
import { ReplayWindows } from './replay-windows.ts';
import { SsrcSlots } from './ssrc-slots.ts';

export class RtcpIndexes {
  readonly #slots: SsrcSlots;
  readonly #windows = new ReplayWindows();
  #highest = new Uint32Array(0);

  constructor(ssrcsMax: number) {
    this.#slots = new SsrcSlots(ssrcsMax);
  }

  /** 0, or the reason why a packet of that index is not for this context. Changes nothing. */
  check(ssrc: number, index: number): number {
    const slot = this.#slots.find(ssrc);
    if (slot < 0) return this.#slots.full ? SRTP_TOO_MANY_SSRCS : 0;
    return this.#windows.isNew(slot, index, index - this.#highest[slot]!) ? 0 : SRTP_REPLAYED;
  }

  /** That packet passed `check` and is authentic. */
  accept(ssrc: number, index: number): void {
    let slot = this.#slots.find(ssrc);
    let delta = 1;
    if (slot < 0) slot = this.#add(ssrc);
    else delta = index - this.#highest[slot]!;
    if (delta > 0) this.#highest[slot] = index;
    this.#windows.mark(slot, index, delta);
  }

  #add(ssrc: number): number {
    const { capacity } = this.#slots;
    const slot = this.#slots.add(ssrc);
    if (this.#slots.capacity !== capacity) {
      const highest = new Uint32Array(this.#slots.capacity);
      highest.set(this.#highest);
      this.#highest = highest;
      this.#windows.grow(this.#slots.capacity);
    }
    return slot;
  }
}
