// One receiver of webhooks: its queue, its connections, its tries. A dead one costs the others nothing.
// Called by: webhooks.ts.

import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import { DeliveryQueue } from './delivery-queue.ts';
import type { Delivery, QueueLimits } from './delivery-queue.ts';
import { Poster } from './post.ts';
import type { PosterOptions, PostLimits } from './post.ts';

/** What became of a delivery in the end. */
export const DELIVERY_OUTCOMES = [
  'delivered',
  'rejected',
  'blocked',
  'expired',
  'overflow',
  'abandoned',
] as const;
export type DeliveryOutcome = (typeof DELIVERY_OUTCOMES)[number];

export type DeliveryCounts = Record<DeliveryOutcome, number>;

export interface ReceiverLimits extends QueueLimits, Omit<PostLimits, 'connections'> {}

export interface ReceiverOptions extends Pick<PosterOptions, 'isAllowed' | 'resolve'> {
  readonly url: URL;
  readonly limits: ReceiverLimits;
  /** The header fields of a try. */
  readonly headers: (body: Buffer) => Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly log: Logger;
  /** 0 to 1. */
  readonly random: () => number;
}

export function noDeliveries(): DeliveryCounts {
  return { delivered: 0, rejected: 0, blocked: 0, expired: 0, overflow: 0, abandoned: 0 };
}

export class Receiver {
  readonly counts: DeliveryCounts = noDeliveries();
  /** Tries that came to nothing, and were followed by another one. */
  retries = 0;
  readonly #options: ReceiverOptions;
  readonly #queue: DeliveryQueue;
  readonly #poster: Poster;
  #timer: NodeJS.Timeout | undefined;
  #failing = false;
  #closed = false;
  #onIdle: (() => void) | undefined;

  constructor(options: ReceiverOptions) {
    const { limits, random } = options;
    this.#options = options;
    this.#queue = new DeliveryQueue(limits, random);
    this.#poster = new Poster({
      ...options,
      limits: { ...limits, connections: limits.concurrency },
    });
  }

  get queued(): number {
    return this.#queue.size;
  }

  get ageMs(): number {
    return this.#queue.ageMs(this.#now);
  }

  /** Those of one room are delivered in the order in which they are handed in. */
  send(room: string, body: Buffer): void {
    if (this.#closed) return this.#gone('abandoned');
    const dropped = this.#queue.add(room, body, this.#now);
    for (let i = 0; i < dropped; i++) this.#gone('overflow');
    this.#go();
  }

  /** Lets go what waits, for so long at most, and ends. */
  async close(withinMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#tellIdle();
    });
    this.#closed = true;
    clearTimeout(this.#timer);
    const left = this.#queue.clear();
    this.#poster.close();
    if (left === 0) return;
    this.counts.abandoned += left;
    this.#options.log.warn('webhook.abandoned', { receiver: this.#name, deliveries: left });
  }

  /** Never the path or the query, which may be a secret between the two. */
  get #name(): string {
    return this.#options.url.origin;
  }

  get #now(): number {
    return this.#options.clock.monotonic();
  }

  #go(): void {
    let delivery = this.#queue.next(this.#now);
    while (delivery !== null) {
      void this.#try(delivery);
      delivery = this.#queue.next(this.#now);
    }
    clearTimeout(this.#timer);
    const { dueAt } = this.#queue;
    if (dueAt !== Infinity) {
      this.#timer = setTimeout(() => this.#go(), Math.max(1, dueAt - this.#now)).unref();
    }
    this.#tellIdle();
  }

  async #try(delivery: Delivery): Promise<void> {
    const result = await this.#poster.post(this.#options.headers(delivery.body), delivery.body);
    if (this.#closed) return;
    if (result.kind === 'answered') this.#answered(delivery, result.status, result.retryAfterMs);
    else this.#failed(delivery, result.kind, result.why, 0);
    this.#go();
  }

  #answered(delivery: Delivery, status: number, pauseMs: number): void {
    const again = status === 429 || status >= 500;
    if (status >= 200 && status < 300) this.#delivered(delivery);
    else this.#failed(delivery, again ? 'failed' : 'rejected', `status ${status}`, pauseMs);
  }

  #delivered(delivery: Delivery): void {
    this.#queue.done(delivery);
    this.counts.delivered++;
    if (!this.#failing) return;
    this.#failing = false;
    this.#options.log.info('webhook.recovered', { receiver: this.#name });
  }

  #failed(
    delivery: Delivery,
    how: 'failed' | 'blocked' | 'rejected',
    why: string,
    pauseMs: number,
  ): void {
    // Once until it is well again: each further try would say the same.
    if (!this.#failing) this.#options.log.warn('webhook.failing', { receiver: this.#name, why });
    this.#failing = true;
    if (how !== 'failed') {
      this.#queue.done(delivery);
      this.#gone(how);
    } else if (this.#queue.failed(delivery, this.#now, pauseMs)) this.retries++;
    else this.#gone('expired');
  }

  #gone(outcome: Exclude<DeliveryOutcome, 'delivered'>): void {
    const count = ++this.counts[outcome];
    // The 1st, 2nd, 4th, 8th...
    if ((count & (count - 1)) !== 0) return;
    this.#options.log.warn('webhook.dropped', { receiver: this.#name, outcome, count });
  }

  #tellIdle(): void {
    if (this.#queue.size === 0) this.#onIdle?.();
  }
}
