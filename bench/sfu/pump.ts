// Keeps the publishers' time: frames when they are due, whatever became of those before, and reports each second.

import type { Publisher } from './publisher.ts';
import { REPORT_EVERY_MS } from './rtcp.ts';
import type { Subscriber } from './subscriber.ts';

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
  start(publishers: readonly Publisher[]): void {
    const now = performance.now();
    for (const [i, publisher] of publishers.entries()) {
      for (const { kind, frameMs } of publisher.flows) {
        const at = now + (frameMs * i) / publishers.length;
        this.#dues.push({ at, everyMs: frameMs, act: () => publisher.frame(kind) });
      }
      this.#addReporter(publisher);
    }
    this.#run();
  }

  add(subscriber: Subscriber): void {
    this.#addReporter(subscriber);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Spread over the second. */
  #addReporter(who: Publisher | Subscriber): void {
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
