// Keeps the publishers' time: frames when they are due, whatever became of those before, and reports each second.

import type { Flow } from './flow.ts';
import { REPORT_EVERY_MS } from './rtcp.ts';

/** Who sends. */
export interface Sender {
  readonly flows: readonly Flow[];
  frame(flow: Flow): void;
  report(): void;
}

interface Due {
  at: number;
  readonly everyMs: number;
  readonly act: () => void;
}

export class Pump {
  /** At the worst, milliseconds. */
  behindMs = 0;
  readonly #dues: Due[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** Publishers begin one after the other within a frame's time, as people do. */
  start(publishers: readonly Sender[]): void {
    const now = performance.now();
    for (const [i, publisher] of publishers.entries()) {
      this.enter(publisher, now, i / publishers.length);
    }
    this.#run();
  }

  /** Somebody begins later than the others, at a part of a frame's time after `now`. */
  enter(publisher: Sender, now: number, part: number): void {
    for (const flow of publisher.flows) {
      const { frameMs } = flow;
      const at = now + frameMs * part;
      this.#dues.push({ at, everyMs: frameMs, act: () => publisher.frame(flow) });
    }
    this.#addReporter(publisher);
  }

  add(subscriber: Pick<Sender, 'report'>): void {
    this.#addReporter(subscriber);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Spread over the second. */
  #addReporter(who: Pick<Sender, 'report'>): void {
    const at = performance.now() + ((this.#dues.length * 37) % REPORT_EVERY_MS);
    this.#dues.push({ at, everyMs: REPORT_EVERY_MS, act: () => who.report() });
  }

  #run(): void {
    let next = Infinity;
    for (const due of this.#dues) {
      const now = performance.now();
      if (due.at <= now) {
        this.behindMs = Math.max(this.behindMs, now - due.at);
        due.act();
        due.at += due.everyMs;
      }
      next = Math.min(next, due.at);
    }
    this.#timer = setTimeout(() => this.#run(), next - performance.now());
  }
}
