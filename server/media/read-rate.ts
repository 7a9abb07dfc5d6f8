// How fast one TCP connection is read: what comes faster waits in the kernel, and so at its sender.
// Called by: IceTcp, TurnStreamsHost. Time is monotonic milliseconds.

import { systemClock } from '../../shared/clock.ts';
import { TokenBucket } from '../../shared/token-bucket.ts';

/** Beyond it we stop reading for a while, so that what a worker has not read yet is bounded. */
const BYTES_PER_SECOND = 4 * 1024 * 1024;
const BYTES_AT_ONCE = 1024 * 1024;

export class ReadRate {
  readonly #bucket = new TokenBucket(BYTES_PER_SECOND, BYTES_AT_ONCE);
  #inDebt: NodeJS.Timeout | undefined;

  /** Whether no more may be read at the moment. */
  get isExceeded(): boolean {
    return this.#inDebt !== undefined;
  }

  /** Pays for what has been read; where that is too much, `onPaid` is called when more may be. */
  charge(cost: number, onPaid: () => void): void {
    // What is more than the bucket holds is waited for beside.
    const beyond = Math.max(0, cost - BYTES_AT_ONCE) / BYTES_PER_SECOND;
    const waitMs = this.#bucket.waitMs(cost, systemClock.monotonic()) + 1000 * beyond;
    if (waitMs === 0) return this.#bucket.take(cost);
    this.#inDebt = setTimeout(() => {
      this.#inDebt = undefined;
      // It was in debt for what has been read already.
      this.#bucket.waitMs(cost, systemClock.monotonic());
      this.#bucket.take(cost);
      onPaid();
    }, waitMs);
    return undefined;
  }

  /** The connection is gone: `onPaid` is not called any more. */
  stop(): void {
    clearTimeout(this.#inDebt);
  }
}
