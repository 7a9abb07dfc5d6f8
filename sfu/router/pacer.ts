// While a subscriber's network is congested, and for a while after, what it is shown leaves bit by bit, as fast as it
// is carried: a key frame all at once would find no room in the queue. Sound and what is sent again do not wait. Where
// there was no congestion it does nothing. Called by: RoomRouter, ParticipantMedia. Allocates: while it is needed.

import { Timer } from '../../shared/net/timer-wheel.ts';
import type { IncomingStream } from './incoming-stream.ts';
import { PACED_MAX } from './limits.ts';
import type { OutgoingPath } from './outgoing-path.ts';
import type { Slot } from './slot.ts';

const STEP_MS = 5;
/** Of the estimate; and into a queue that is full, about what leaves it: the estimate is a bit below that. */
const FACTOR = 1.5;
const FACTOR_FULL = 1.2;
/** Nothing waits longer, whatever the estimate says. */
const WAITS_MS = 300;

interface Waiting {
  readonly slot: Slot;
  readonly stream: IncomingStream;
  readonly sequence: number;
  readonly since: number;
}

export class Pacer {
  readonly #path: OutgoingPath;
  readonly #timer = new Timer((now) => this.#send(now));
  readonly #waiting: Waiting[] = [];
  /** Of those, how many have been forwarded in this step. */
  #done = 0;
  /** Bytes that may leave now. */
  #allowed = 0;
  #at = 0;

  constructor(path: OutgoingPath) {
    this.#path = path;
  }

  /** Whether what is shown has to go through here. */
  isNeeded(now: number): boolean {
    if (this.#waiting.length > 0) return true;
    const { estimator } = this.#path;
    return estimator !== undefined && (estimator.wasCongested(now) || estimator.isInDoubt(now));
  }

  /** The lowest number of the stream that waits for the slot; `end` where none is below that. */
  firstOf(slot: Slot, stream: IncomingStream, end: number): number {
    let first = end;
    for (let i = this.#done; i < this.#waiting.length; i++) {
      const one = this.#waiting[i]!;
      const isIt = one.slot === slot && one.stream === stream;
      if (isIt && ((one.sequence - first) | 0) < 0) first = one.sequence;
    }
    return first;
  }

  /** So many packets that the slot is to forward, from that one on; `start` follows. */
  add(slot: Slot, stream: IncomingStream, first: number, count: number, now: number): void {
    for (let i = 0; i < count; i++) {
      this.#waiting.push({ slot, stream, sequence: (first + i) | 0, since: now });
    }
  }

  /** All that is there now has been added. */
  start(now: number): void {
    if (this.#waiting.length > PACED_MAX) this.#sendAll(now);
    else if (!this.#timer.scheduled) this.#send(now);
  }

  close(): void {
    this.#waiting.length = 0;
    this.#path.host.timers.cancel(this.#timer);
  }

  #send(now: number): void {
    const path = this.#path;
    const { estimator } = path;
    if (estimator === undefined) return this.#sendAll(now);
    const waiting = this.#waiting;
    const bps = estimator.bps * (estimator.isFull(now) ? FACTOR_FULL : FACTOR);
    const elapsed = Math.min(now - this.#at, 2 * STEP_MS);
    this.#at = now;
    const allowed = Math.min(0, this.#allowed) + (bps * elapsed) / 8000;
    this.#allowed = estimator.isInDoubt(now) ? Math.min(0, allowed) : allowed;
    while (this.#done < waiting.length) {
      const one = waiting[this.#done]!;
      if (this.#allowed <= 0 && now - one.since < WAITS_MS) break;
      this.#done++;
      const before = path.sentBytes;
      this.#forward(one, now);
      this.#allowed -= path.sentBytes - before;
    }
    waiting.splice(0, this.#done);
    this.#done = 0;
    if (waiting.length > 0) path.host.timers.schedule(this.#timer, now + STEP_MS);
  }

  #sendAll(now: number): void {
    for (const one of this.#waiting) {
      this.#done++;
      this.#forward(one, now);
    }
    this.#waiting.length = 0;
    this.#done = 0;
    this.#path.host.timers.cancel(this.#timer);
  }

  #forward({ slot, stream, sequence }: Waiting, now: number): void {
    slot.forward(stream, sequence, now);
  }
}
