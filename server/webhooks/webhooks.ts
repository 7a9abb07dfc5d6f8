// Webhooks: what happens in rooms is POSTed to the configured receivers as JSON, signed with an API key, at least once
// as long as the process lives.
// Called by: server.ts, as the observer of rooms.

import { randomInt, randomUUID } from 'node:crypto';
import type { Clock } from '../../shared/clock.ts';
import type { Settings } from '../../shared/config/schema.ts';
import type { Logger } from '../../shared/log.ts';
import { signBody } from '../../signaling/index.ts';
import type { RoomEvent } from '../../signaling/index.ts';
import { VERSION } from '../package-root.ts';
import { DELIVERY_OUTCOMES, noDeliveries, Receiver } from './receiver.ts';
import type { DeliveryCounts, ReceiverLimits } from './receiver.ts';

/** LiveKit's, so that nothing reads a body as JSON before its signature was looked at. */
const CONTENT_TYPE = 'application/webhook+json';

/** How long the end of the server waits for what is not delivered yet. */
const DRAIN_MS = 5000;

const LIMITS: Omit<ReceiverLimits, 'ageMaxMs'> = {
  // A room of a thousand that ends is some thousand events at once; and nobody fills the memory with metadata.
  countMax: 10_000,
  bytesMax: 33_554_432,
  concurrency: 8,
  retryMs: 500,
  retryMaxMs: 60_000,
  connectMs: 5000,
  totalMs: 10_000,
};

export interface WebhookStats {
  readonly outcomes: Readonly<DeliveryCounts>;
  readonly retries: number;
  readonly queued: number;
  /** Of the oldest that waits. */
  readonly ageMs: number;
}

export interface WebhooksOptions extends Pick<Settings, 'webhooks' | 'keys'> {
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits?: Partial<ReceiverLimits>;
}

export class Webhooks {
  readonly #receivers: readonly Receiver[];
  readonly #clock: Clock;
  /** Empty for all. */
  readonly #wanted: ReadonlySet<RoomEvent['event']>;

  constructor({ webhooks, keys, clock, log, limits }: WebhooksOptions) {
    const { urls, key, events, allowPrivate, maxAge } = webhooks;
    const secret = keys[key] ?? '';
    this.#clock = clock;
    this.#wanted = new Set(events);
    this.#receivers = urls.map(
      (url) =>
        new Receiver({
          url: new URL(url),
          limits: { ...LIMITS, ageMaxMs: maxAge * 1000, ...limits },
          ...(allowPrivate ? { isAllowed: () => true } : {}),
          headers: (body) => ({
            // LiveKit's: without a scheme in front. Made for each try, since it expires.
            authorization: signBody(key, secret, body, clock.wall()),
            'content-type': CONTENT_TYPE,
            'content-length': String(body.length),
            'user-agent': `sterna/${VERSION}`,
          }),
          clock,
          log,
          random: () => randomInt(2 ** 32) / 2 ** 32,
        }),
    );
  }

  /** Whether anybody is told. */
  get active(): boolean {
    return this.#receivers.length > 0;
  }

  onRoomEvent(event: RoomEvent): void {
    if (this.#wanted.size > 0 && !this.#wanted.has(event.event)) return;
    const text = JSON.stringify({ id: randomUUID(), createdAt: this.#clock.wall(), ...event });
    const body = Buffer.from(text);
    for (const receiver of this.#receivers) receiver.send(event.room.sid, body);
  }

  /** Of all receivers together; undefined without any. */
  stats(): WebhookStats | undefined {
    if (!this.active) return undefined;
    const sum = (read: (receiver: Receiver) => number): number =>
      this.#receivers.reduce((total, receiver) => total + read(receiver), 0);
    const outcomes = noDeliveries();
    for (const name of DELIVERY_OUTCOMES) outcomes[name] = sum(({ counts }) => counts[name]);
    return {
      outcomes,
      retries: sum(({ retries }) => retries),
      queued: sum(({ queued }) => queued),
      ageMs: Math.max(...this.#receivers.map(({ ageMs }) => ageMs)),
    };
  }

  /** Delivers what waits, for some seconds at most. */
  async close(): Promise<void> {
    await Promise.all(this.#receivers.map((receiver) => receiver.close(DRAIN_MS)));
  }
}
