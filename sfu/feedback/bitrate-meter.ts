// The bit rate of a stream: what its byte counter grew by between two looks at it, so that packets cost nothing.
// Called by: ParticipantMedia, with its regular reports. Allocates: nothing.

const BITS = 8;
const MS_PER_SECOND = 1000;

export class BitrateMeter {
  /** Between the last two looks; 0 before the second one. */
  bitrateBps = 0;
  #bytes = 0;
  #at = Number.NaN;

  /** @param bytes in all */
  look(bytes: number, now: number): void {
    const ms = now - this.#at;
    if (ms > 0) this.bitrateBps = Math.round(((bytes - this.#bytes) * BITS * MS_PER_SECOND) / ms);
    this.#bytes = bytes;
    this.#at = now;
  }
}
