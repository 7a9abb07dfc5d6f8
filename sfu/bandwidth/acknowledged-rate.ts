// How much arrives a second, of what was sent: rates of short windows, smoothed by how much each is to be believed
// (libwebrtc's estimator of acknowledged bitrate). Called by: SendSideEstimator. Allocates: nothing.

const FIRST_WINDOW_MS = 500;
const WINDOW_MS = 150;
/** What the rate itself changes by between two windows, kbit/s, as a variance. */
const PROCESS_VARIANCE = 5;
/** How little a window is believed that is far from the rate. */
const UNCERTAINTY = 10;
const FIRST_VARIANCE = 50;

export class AcknowledgedRate {
  /** Bits a second; -1 before the first window. */
  bps = -1;
  /** Of the last window alone; -1 before it. */
  lastBps = -1;
  #variance = FIRST_VARIANCE;
  #bytes = 0;
  #windowAt = Number.NaN;

  /** Arrivals of the receiver's clock, milliseconds. */
  arrived(bytes: number, arrivalAt: number): void {
    if (Number.isNaN(this.#windowAt)) this.#windowAt = arrivalAt;
    const window = this.bps < 0 ? FIRST_WINDOW_MS : WINDOW_MS;
    const elapsed = arrivalAt - this.#windowAt;
    if (elapsed < 0 || elapsed > 10 * window) {
      this.#windowAt = arrivalAt;
      this.#bytes = bytes;
      return;
    }
    if (elapsed >= window) {
      this.#take((this.#bytes * 8) / elapsed);
      this.#windowAt = arrivalAt;
      this.#bytes = 0;
    }
    this.#bytes += bytes;
  }

  /** @param rate of the window that ended, kbit/s */
  #take(rate: number): void {
    this.lastBps = rate * 1000;
    if (this.bps < 0) {
      this.bps = rate * 1000;
      return;
    }
    const before = this.bps / 1000;
    const uncertainty = (UNCERTAINTY * Math.abs(before - rate)) / (before + Math.min(before, rate));
    const sampleVariance = uncertainty ** 2;
    const predicted = this.#variance + PROCESS_VARIANCE;
    this.#variance = (sampleVariance * predicted) / (sampleVariance + predicted);
    const next = (sampleVariance * before + predicted * rate) / (sampleVariance + predicted);
    this.bps = Math.max(0, next) * 1000;
  }
}
