// The 48-bit index of an SRTP packet from its 16-bit sequence number, and whether it has been there (RFC 3711
// s3.3.1, s3.3.2). `estimate` changes nothing; `accept` takes what was estimated, once the packet is authentic.
// Called by: SrtpSender, SrtpReceiver. Allocates: for a new SSRC.

import { SRTP_EXHAUSTED, SRTP_REPLAYED, SRTP_TOO_MANY_SSRCS } from './outcome.ts';
import { ReplayWindows } from './replay-windows.ts';
import { SsrcSlots } from './ssrc-slots.ts';

const HALF = 0x8000;
const ROC_MAX = 0xffff_ffff;

export class PacketIndexes {
  readonly #slots: SsrcSlots;
  readonly #windows = new ReplayWindows();
  readonly #firstCounter: number;
  /** Of the highest index so far, per slot: the rollover counter, and the sequence number (s_l). */
  #counters = new Uint32Array(0);
  #highest = new Uint16Array(0);
  #ssrc = 0;
  #slot = -1;
  #sequenceNumber = 0;
  #delta = 0;
  /** The rollover counter that was estimated last. */
  rolloverCounter = 0;

  /** @param firstCounter what the rollover counter of an SSRC begins with (RFC 3711 s3.3.1) */
  constructor(ssrcsMax: number, firstCounter = 0) {
    this.#slots = new SsrcSlots(ssrcsMax);
    this.#firstCounter = firstCounter;
  }

  /** 0, `rolloverCounter` being set; or the reason why a packet of that index is not for this context. */
  estimate(ssrc: number, sequenceNumber: number): number {
    const slot = this.#slots.find(ssrc);
    this.#ssrc = ssrc | 0;
    this.#slot = slot;
    this.#sequenceNumber = sequenceNumber;
    if (slot < 0) {
      this.rolloverCounter = this.#firstCounter;
      return this.#slots.full ? SRTP_TOO_MANY_SSRCS : 0;
    }
    const counter = this.#counters[slot]!;
    const turns = turnsTo(sequenceNumber, this.#highest[slot]!, counter);
    if (turns > 0 && counter === ROC_MAX) return SRTP_EXHAUSTED;
    this.rolloverCounter = counter + turns;
    this.#delta = turns * 0x1_0000 + sequenceNumber - this.#highest[slot]!;
    return this.#windows.isNew(slot, this.#low(), this.#delta) ? 0 : SRTP_REPLAYED;
  }

  /** The packet that was estimated last is one of ours: its index is used up, its SSRC known. */
  accept(): void {
    if (this.#slot < 0) this.#add();
    const slot = this.#slot;
    if (this.#delta > 0) {
      this.#counters[slot] = this.rolloverCounter;
      this.#highest[slot] = this.#sequenceNumber;
    }
    this.#windows.mark(slot, this.#low(), this.#delta);
  }

  #low(): number {
    return (this.rolloverCounter << 16) | this.#sequenceNumber;
  }

  #add(): void {
    const { capacity } = this.#slots;
    const slot = this.#slots.add(this.#ssrc);
    if (this.#slots.capacity !== capacity) this.#grow(this.#slots.capacity);
    this.#slot = slot;
    this.#delta = 1;
  }

  #grow(slots: number): void {
    const counters = new Uint32Array(slots);
    counters.set(this.#counters);
    this.#counters = counters;
    const highest = new Uint16Array(slots);
    highest.set(this.#highest);
    this.#highest = highest;
    this.#windows.grow(slots);
  }
}

/**
 * How much further than `counter` the rollover counter of a packet is, -1, 0 or 1 (RFC 3711 s3.3.1). Departs from
 * it where the counter is 0: nothing comes before that, so what looks older is taken as ahead, as libsrtp does.
 */
function turnsTo(sequenceNumber: number, highest: number, counter: number): number {
  if (highest < HALF) return sequenceNumber - highest > HALF && counter > 0 ? -1 : 0;
  return highest - HALF > sequenceNumber ? 1 : 0;
}
