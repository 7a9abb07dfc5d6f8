// Signals from participants that are not known yet: the server coalesces `people`, so a newcomer's offer
// may overtake its name. Held a short time, bounded by sender and in all; the oldest go first. Time is an
// argument.

import { EARLY_SIGNALS_MAX, EARLY_SIGNALS_PER_SENDER, EARLY_SIGNAL_TTL_MS } from './limits.ts';
import type { RelayedSignalMessage } from '../signaling/protocol.ts';

interface Held {
  readonly atMs: number;
  readonly message: RelayedSignalMessage;
}

export class EarlySignals {
  /** In order of arrival. */
  #held: Held[] = [];

  get size(): number {
    return this.#held.length;
  }

  hold(message: RelayedSignalMessage, nowMs: number): void {
    this.#expire(nowMs);
    const ofSender = this.#held.filter((held) => held.message.from === message.from);
    // The oldest stay: a description comes first, and without it the candidates behind it are worth nothing.
    if (ofSender.length >= EARLY_SIGNALS_PER_SENDER) return;
    if (this.#held.length >= EARLY_SIGNALS_MAX) this.#held.shift();
    this.#held.push({ atMs: nowMs, message });
  }

  /** Takes what `sid` has sent, in order. */
  take(sid: string, nowMs: number): RelayedSignalMessage[] {
    this.#expire(nowMs);
    const taken = this.#held.filter((held) => held.message.from === sid);
    this.#held = this.#held.filter((held) => held.message.from !== sid);
    return taken.map((held) => held.message);
  }

  clear(): void {
    this.#held = [];
  }

  #expire(nowMs: number): void {
    this.#held = this.#held.filter((held) => nowMs - held.atMs <= EARLY_SIGNAL_TTL_MS);
  }
}
