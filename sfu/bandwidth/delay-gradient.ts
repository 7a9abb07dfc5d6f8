// Whether a queue grows on the way: packets that were sent together make a group, and what the time between two
// groups grew by is one sample of a line (draft-ietf-rmcat-gcc-02 s5, with the trend line that libwebrtc has in place
// of its filter). Called by: SendSideEstimator. Allocates: nothing but when made.

/** Packets sent within so much are one group (s5.2). */
const GROUP_MS = 5;
/** Packets of a group that a queue held up come together, so who comes at once belongs to who came before (s5.2). */
const BURST_MS = 5;
const BURST_MAX_MS = 100;
/** A clock that jumped, or a path that was changed: begin anew. */
const GAP_MS_MAX = 3000;

/** Samples of the line. */
const WINDOW = 20;
const SMOOTHING = 0.9;
/** The slope counts as if over so many samples, and so much. */
const DELTAS_MAX = 60;
const GAIN = 4;

/** s5.4: the threshold goes along with what is measured, up faster than down, milliseconds. */
const THRESHOLD_FIRST = 12.5;
const THRESHOLD_MIN = 6;
const THRESHOLD_MAX = 600;
const THRESHOLD_UP = 0.0087;
const THRESHOLD_DOWN = 0.039;
/** What is so far above it is a spike, to which it does not go along. */
const THRESHOLD_REACH = 15;
const THRESHOLD_STEP_MS_MAX = 100;
/** s5.4: a queue grows when it has done so for this long. */
const OVERUSE_MS = 10;

export type Usage = 'normal' | 'over' | 'under';

export class DelayGradient {
  usage: Usage = 'normal';
  /** Of the group that grows, and of the one before: first and last sent, last arrived; milliseconds. */
  #firstSent = Number.NaN;
  #lastSent = 0;
  #lastArrival = 0;
  #firstArrival = 0;
  #beforeSent = Number.NaN;
  #beforeArrival = 0;

  readonly #times = new Float64Array(WINDOW);
  readonly #delays = new Float64Array(WINDOW);
  #samples = 0;
  #firstSample = 0;
  #accumulated = 0;
  #smoothed = 0;
  #deltas = 0;

  #threshold = THRESHOLD_FIRST;
  #thresholdAt = Number.NaN;
  #overFor = -1;
  #overCount = 0;
  #trend = 0;

  /** A packet that arrived, in the order of sending; arrivals are of the receiver's clock. */
  arrived(sentAt: number, arrivalAt: number): void {
    if (Number.isNaN(this.#firstSent)) return this.#open(sentAt, arrivalAt);
    if (Math.abs(arrivalAt - this.#lastArrival) > GAP_MS_MAX) {
      this.reset();
      return this.#open(sentAt, arrivalAt);
    }
    // Sent before what has begun a group: it was reordered, and says nothing of queues.
    if (sentAt < this.#firstSent) return;
    if (sentAt - this.#firstSent <= GROUP_MS || this.#isOfBurst(sentAt, arrivalAt)) {
      this.#lastSent = Math.max(this.#lastSent, sentAt);
      this.#lastArrival = Math.max(this.#lastArrival, arrivalAt);
      return;
    }
    if (!Number.isNaN(this.#beforeSent)) {
      const sentDelta = this.#lastSent - this.#beforeSent;
      const arrivalDelta = this.#lastArrival - this.#beforeArrival;
      if (arrivalDelta >= 0) this.#sample(arrivalDelta - sentDelta, sentDelta, this.#lastArrival);
    }
    this.#beforeSent = this.#lastSent;
    this.#beforeArrival = this.#lastArrival;
    this.#open(sentAt, arrivalAt);
  }

  reset(): void {
    this.#firstSent = Number.NaN;
    this.#beforeSent = Number.NaN;
    this.#samples = 0;
    this.#deltas = 0;
    this.#accumulated = 0;
    this.#smoothed = 0;
    this.#overFor = -1;
    this.#overCount = 0;
    this.#trend = 0;
    this.usage = 'normal';
  }

  #open(sentAt: number, arrivalAt: number): void {
    this.#firstSent = sentAt;
    this.#lastSent = sentAt;
    this.#firstArrival = arrivalAt;
    this.#lastArrival = arrivalAt;
  }

  #isOfBurst(sentAt: number, arrivalAt: number): boolean {
    const arrivalDelta = arrivalAt - this.#lastArrival;
    const sentDelta = sentAt - this.#lastSent;
    if (sentDelta === 0) return true;
    const isTogether = arrivalDelta - sentDelta < 0 && arrivalDelta <= BURST_MS;
    return isTogether && arrivalAt - this.#firstArrival < BURST_MAX_MS;
  }

  /** @param grew what the way took longer than it did for the group before, milliseconds */
  #sample(grew: number, sentDelta: number, arrivalAt: number): void {
    this.#deltas = Math.min(this.#deltas + 1, 1000);
    if (this.#samples === 0) this.#firstSample = arrivalAt;
    this.#accumulated += grew;
    this.#smoothed = SMOOTHING * this.#smoothed + (1 - SMOOTHING) * this.#accumulated;
    const slot = this.#samples % WINDOW;
    this.#times[slot] = arrivalAt - this.#firstSample;
    this.#delays[slot] = this.#smoothed;
    this.#samples++;
    const trend = this.#samples >= WINDOW ? this.#slope() : this.#trend;
    this.#judge(trend, sentDelta, arrivalAt);
  }

  /** Of the line through the samples, by least squares. */
  #slope(): number {
    let times = 0;
    let delays = 0;
    for (let i = 0; i < WINDOW; i++) {
      times += this.#times[i]!;
      delays += this.#delays[i]!;
    }
    const meanTime = times / WINDOW;
    const meanDelay = delays / WINDOW;
    let numerator = 0;
    let denominator = 0;
    for (let i = 0; i < WINDOW; i++) {
      const time = this.#times[i]! - meanTime;
      numerator += time * (this.#delays[i]! - meanDelay);
      denominator += time * time;
    }
    return denominator === 0 ? this.#trend : numerator / denominator;
  }

  #judge(trend: number, sentDelta: number, arrivalAt: number): void {
    const modified = Math.min(this.#deltas, DELTAS_MAX) * trend * GAIN;
    if (modified > this.#threshold) {
      // The queue began to grow somewhere between the two samples.
      this.#overFor = this.#overFor < 0 ? sentDelta / 2 : this.#overFor + sentDelta;
      this.#overCount++;
      if (this.#overFor > OVERUSE_MS && this.#overCount > 1 && trend >= this.#trend) {
        this.#overFor = 0;
        this.#overCount = 0;
        this.usage = 'over';
      }
    } else {
      this.#overFor = -1;
      this.#overCount = 0;
      this.usage = modified < -this.#threshold ? 'under' : 'normal';
    }
    this.#trend = trend;
    this.#adapt(Math.abs(modified), arrivalAt);
  }

  #adapt(modified: number, arrivalAt: number): void {
    const before = this.#thresholdAt;
    this.#thresholdAt = arrivalAt;
    if (Number.isNaN(before) || modified > this.#threshold + THRESHOLD_REACH) return;
    const factor = modified < this.#threshold ? THRESHOLD_DOWN : THRESHOLD_UP;
    const elapsed = Math.min(Math.max(0, arrivalAt - before), THRESHOLD_STEP_MS_MAX);
    const next = this.#threshold + factor * (modified - this.#threshold) * elapsed;
    this.#threshold = Math.min(THRESHOLD_MAX, Math.max(THRESHOLD_MIN, next));
  }
}
