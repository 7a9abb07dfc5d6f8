// Tells a room who changed and who is gone: collected for a short while, at once when the room was quiet.
// Called by: room.ts. Allocates: one body a sending, shared by all who get it.

import type { Clock } from '../shared/clock.ts';
import type { Participant } from './participant.ts';

/** One who is told: a session, seen from its room. */
export interface Listener {
  readonly participant: Participant;
  push(body: Buffer): void;
}

export interface PeopleFeedOptions {
  clock: Clock;
  /** Least time between two sendings, milliseconds. */
  everyMs: number;
  /** Where a message is split; one participant's entry is never split. */
  bytesMax: number;
}

/** Departures are tiny, and this many at once are sent without waiting. */
const GONE_MAX = 256;

export class PeopleFeed {
  readonly #listeners: ReadonlyMap<string, Listener>;
  readonly #options: PeopleFeedOptions;
  readonly #changed = new Map<string, Participant>();
  readonly #gone = new Map<string, string>();
  #sentAt = -Infinity;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(listeners: ReadonlyMap<string, Listener>, options: PeopleFeedOptions) {
    this.#listeners = listeners;
    this.#options = options;
  }

  /** Notes a newcomer or a change; nothing is sent before `schedule` or `flush`. */
  changed(participant: Participant): void {
    if (!participant.perm.hidden) this.#changed.set(participant.sid, participant);
  }

  /** Notes a departure, also before the arrival was sent: a newcomer may know it from `joined`. */
  gone(participant: Participant, reason: string): void {
    if (participant.perm.hidden) return;
    this.#changed.delete(participant.sid);
    this.#gone.set(participant.sid, reason);
  }

  /** Sends what was noted: now, or when `everyMs` have passed since the last time. */
  schedule(): void {
    if (this.#changed.size === 0 && this.#gone.size === 0) return;
    const waitMs = this.#sentAt + this.#options.everyMs - this.#options.clock.monotonic();
    if (waitMs <= 0 || this.#gone.size >= GONE_MAX) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), waitMs).unref();
  }

  /** Sends at once if news of this participant is waiting: nothing of it may arrive before the news. */
  flushIfWaiting(sid: string): void {
    if (this.#changed.has(sid)) this.flush();
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sentAt = this.#options.clock.monotonic();
    const changed = Array.from(this.#changed.values(), ({ json }) => json);
    const gone = Array.from(this.#gone, ([sid, reason]) => JSON.stringify({ sid, reason }));
    this.#changed.clear();
    this.#gone.clear();
    // A departure goes out before the arrivals: after a takeover nobody sees the same identity twice.
    let batch: string[] = [];
    let departures = gone;
    let bytes = gone.reduce((sum, json) => sum + json.length, 0);
    for (const json of changed) {
      const size = Buffer.byteLength(json);
      if (bytes + size > this.#options.bytesMax && bytes > 0) {
        this.#send(batch, departures);
        batch = [];
        departures = [];
        bytes = 0;
      }
      batch.push(json);
      bytes += size;
    }
    this.#send(batch, departures);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#changed.clear();
    this.#gone.clear();
  }

  #send(changed: readonly string[], gone: readonly string[]): void {
    if (changed.length === 0 && gone.length === 0) return;
    const [upd, left] = [changed.join(','), gone.join(',')];
    // The message after its `{"s":<number>,`.
    const body = Buffer.from(`"type":"people","upd":[${upd}],"gone":[${left}]}`);
    for (const listener of this.#listeners.values()) listener.push(body);
  }
}
