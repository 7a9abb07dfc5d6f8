// Which encodings a publisher was told to leave out because nobody wants them, and which it was told to send again:
// such a one is not missing, and what it takes is not known before it is there. Called by: Publication, VideoShares.
// Allocates: nothing but when made.

import type { IncomingStream } from './incoming-stream.ts';
import { ENCODINGS_MAX, WAKE_MS } from './limits.ts';

/** Since when an encoding wakes: it does not, and it rests. */
const AWAKE = Number.NEGATIVE_INFINITY;
const RESTS = Number.POSITIVE_INFINITY;

export class RestingEncodings {
  /** One for each encoding, the lowest first: it rests, or has yet to come back. */
  bits = 0;
  readonly #since = new Float64Array(ENCODINGS_MAX).fill(AWAKE);

  /** What the publisher was told. */
  tell(wanted: readonly boolean[], now: number): void {
    for (let i = 0; i < ENCODINGS_MAX; i++) {
      const since = this.#since[i]!;
      if (wanted[i] === false) this.#set(i, RESTS);
      else if (since === RESTS) this.#set(i, now);
    }
  }

  /** Whether what the stream has sent says what it sends: of one that was woken, nothing from before does. */
  isHere(stream: IncomingStream, now: number): boolean {
    const { encoding, lastAt } = stream;
    const since = this.#since[encoding]!;
    // Whoever sends what nobody wants is believed.
    if (since === AWAKE || since === RESTS) return true;
    const isBack = lastAt > since;
    if (!isBack && now - since < WAKE_MS) return false;
    if (isBack) stream.rate.restart();
    this.#set(encoding, AWAKE);
    return true;
  }

  #set(encoding: number, since: number): void {
    this.#since[encoding] = since;
    const bit = 1 << encoding;
    this.bits = since === AWAKE ? this.bits & ~bit : this.bits | bit;
  }
}
