// What was sent last in one outgoing stream: which packet of the source each number stands for, and how often it was
// sent again. No payload is kept here. Called by: Slot. Allocates: with the first packet alone, since most slots show
// nothing.

import { RESENDS_MAX } from './limits.ts';

// Four words each.
const SEQUENCE = 0;
const SOURCE = 1;
const RESENT_AT = 2;
/** How often it was sent, the first time included; 0 for what was never sent. */
const SENT = 3;
const RECORD_BITS = 2;

/** What `resend` gives for what is not to be sent again. Otherwise 32 bits with a sign. */
export const NOT_AGAIN = 0x1_0000_0000;

const UNUSED = new Int32Array(0);

export class SentPackets {
  readonly #capacity: number;
  #records: Int32Array = UNUSED;

  /** @param capacity packets; a power of two */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Whether that number was sent; 32 bits with a sign, as below. */
  has(sequence: number): boolean {
    if (this.#records === UNUSED) return false;
    const at = this.#at(sequence);
    return this.#records[at + SENT]! > 0 && this.#records[at + SEQUENCE] === sequence;
  }

  /** A packet is sent for the first time. */
  add(sequence: number, source: number): void {
    if (this.#records === UNUSED) this.#records = new Int32Array(this.#capacity << RECORD_BITS);
    const records = this.#records;
    const at = this.#at(sequence);
    records[at + SEQUENCE] = sequence;
    records[at + SOURCE] = source;
    records[at + SENT] = 1;
  }

  /**
   * The number in the source of a packet that was asked for, which counts as sent again now; NOT_AGAIN where it is
   * not known, was sent less than `intervalMs` ago for the last time, or has been sent often enough.
   *
   * @param sequenceNumber 16 bits
   */
  resend(sequenceNumber: number, now: number, intervalMs: number): number {
    const records = this.#records;
    if (records === UNUSED) return NOT_AGAIN;
    const at = this.#at(sequenceNumber);
    const sent = records[at + SENT]!;
    if (sent === 0 || sent > RESENDS_MAX) return NOT_AGAIN;
    if ((records[at + SEQUENCE]! & 0xffff) !== sequenceNumber) return NOT_AGAIN;
    const time = Math.floor(now) | 0;
    if (sent > 1 && ((time - records[at + RESENT_AT]!) | 0) < intervalMs) return NOT_AGAIN;
    records[at + RESENT_AT] = time;
    records[at + SENT] = sent + 1;
    return records[at + SOURCE]!;
  }

  /** Nothing that was sent so far is sent again. */
  clear(): void {
    this.#records.fill(0);
  }

  #at(sequence: number): number {
    return (sequence & (this.#capacity - 1)) << RECORD_BITS;
  }
}
