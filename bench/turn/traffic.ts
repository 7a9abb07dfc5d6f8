// The packets of all lanes: sent in bursts, closed loop or at a rate, counted when they arrive.
// Called by the load generator. Allocates: nothing per packet.

import type { LinuxEngine } from '../../shared/net/linux-engine.ts';
import { type Lane, microsecondsSince, stampNow } from './lane.ts';
import type { Fill } from './load-options.ts';

/** Packets under way, all lanes together: no receive buffer overflows by our doing. */
const WINDOW_PACKETS = 1024;
/** What has not arrived by then is lost: its lane sends again. */
const STALL_MS = 200;
/** Of a flow: one each way. */
const LANES_OF_A_FLOW = 2;
const LATENCIES_MAX = 2_000_000;

/** A payload that arrived. */
export type OnArrival = (bytes: Uint8Array, offset: number, length: number) => void;

export class Traffic {
  readonly lanes: Lane[] = [];
  sent = 0;
  received = 0;
  wrong = 0;
  readonly #engine: LinuxEngine;
  readonly #payloadBytes: number;
  readonly #burst: number;
  readonly #latencies = new Float32Array(LATENCIES_MAX);
  #latencyCount = 0;
  #timed = false;
  #inFlight = 0;
  #next = 0;
  #lookForLostAt = 0;

  constructor(engine: LinuxEngine, payloadBytes: number, burst: number) {
    this.#engine = engine;
    this.#payloadBytes = payloadBytes;
    this.#burst = burst;
  }

  /** A receiver of the packets of the lane with that number. */
  receiver(number: number): OnArrival {
    return (bytes, offset, length) => {
      const lane = this.lanes[number];
      if (lane === undefined || length !== this.#payloadBytes || !lane.owns(bytes, offset)) {
        this.wrong++;
        return;
      }
      this.received++;
      if (lane.inFlight > 0) {
        lane.inFlight--;
        this.#inFlight--;
      }
      if (this.#timed && this.#latencyCount < LATENCIES_MAX) {
        this.#latencies[this.#latencyCount++] = microsecondsSince(bytes, offset, stampNow());
      }
    };
  }

  /** Closed loop until `done`. */
  flood(fill: Fill, done: (now: number) => boolean): void {
    const lanesOfARound = fill === 'turns' ? LANES_OF_A_FLOW : this.lanes.length;
    for (let now = performance.now(); !done(now); now = this.#turn(1)) {
      this.#forgetLost(now);
      if (fill === 'rolling') this.#refill(now);
      else if (this.#inFlight === 0) this.#startRound(lanesOfARound, now);
    }
  }

  /** Open loop: bursts of one lane after the other at that many packets a second. */
  pace(durationMs: number, perSecond: number, timed: boolean): void {
    this.#timed = timed;
    this.#latencyCount = 0;
    const start = performance.now();
    let now = start;
    let sent = 0;
    while (now - start < durationMs) {
      const due = ((now - start) * perSecond) / 1000 - sent;
      for (let burst = 0; burst + this.#burst <= due; burst += this.#burst) {
        this.#sendBurst(this.#rotate(), now);
        sent += this.#burst;
      }
      now = this.#turn(0);
    }
    this.drain();
    this.#timed = false;
  }

  /** Waits until nothing arrives any more, and forgets what is under way. */
  drain(): void {
    let quietSince = performance.now();
    for (let now = quietSince; now - quietSince < STALL_MS && this.#inFlight > 0;) {
      const before = this.received;
      now = this.#turn(1);
      if (this.received !== before) quietSince = now;
    }
    this.#forgetAll();
  }

  startCounting(): void {
    this.sent = 0;
    this.received = 0;
    this.wrong = 0;
  }

  /** Latencies of the last paced run at those fractions, microseconds. */
  percentiles(fractions: readonly number[]): number[] {
    const sorted = this.#latencies.subarray(0, this.#latencyCount).toSorted();
    return fractions.map(
      (fraction) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? 0,
    );
  }

  /** A lane sends its next burst when the last has arrived. */
  #refill(now: number): void {
    for (let tried = 0; tried < this.lanes.length && this.#hasRoom(); tried++) {
      const lane = this.#rotate();
      if (lane.inFlight === 0) this.#sendBurst(lane, now);
    }
  }

  /** So many lanes send a burst each, the window permitting; the next round goes on with those after them. */
  #startRound(lanes: number, now: number): void {
    for (let sent = 0; sent < lanes && this.#hasRoom(); sent++)
      this.#sendBurst(this.#rotate(), now);
  }

  #hasRoom(): boolean {
    return this.#inFlight + this.#burst <= WINDOW_PACKETS || this.#inFlight === 0;
  }

  #rotate(): Lane {
    const lane = this.lanes[this.#next]!;
    this.#next = this.#next + 1 === this.lanes.length ? 0 : this.#next + 1;
    return lane;
  }

  #sendBurst(lane: Lane, now: number): void {
    const stamp = stampNow();
    lane.sentAt = now;
    for (let i = 0; i < this.#burst; i++) lane.send(stamp);
    this.#inFlight += this.#burst;
    this.sent += this.#burst;
  }

  #turn(waitMs: number): number {
    this.#engine.turn(waitMs, ignore);
    return performance.now();
  }

  /** One lost packet must not keep its lane silent for the rest of the run. */
  #forgetLost(now: number): void {
    if (now < this.#lookForLostAt) return;
    this.#lookForLostAt = now + STALL_MS;
    for (const lane of this.lanes) {
      if (lane.inFlight === 0 || now - lane.sentAt < STALL_MS) continue;
      this.#inFlight -= lane.inFlight;
      lane.inFlight = 0;
    }
  }

  #forgetAll(): void {
    for (const lane of this.lanes) lane.inFlight = 0;
    this.#inFlight = 0;
  }
}

function ignore(): void {}
