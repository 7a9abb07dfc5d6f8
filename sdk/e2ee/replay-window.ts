// Which frames of a key have been opened: a counter counts once, and what is older than the window is refused.
// Called by: receive-keys.ts.

import { REPLAY_WINDOW_FRAMES } from './limits.ts';

export class ReplayWindow {
  readonly #seen = new Uint8Array(REPLAY_WINDOW_FRAMES / 8);
  #highest = -1;

  /** False for one that was there, or may have been. */
  isNew(counter: number): boolean {
    if (counter > this.#highest) return true;
    return this.#highest - counter < REPLAY_WINDOW_FRAMES && !this.#has(counter);
  }

  /** Notes it; false when it was there. */
  take(counter: number): boolean {
    if (!this.isNew(counter)) return false;
    if (counter - this.#highest >= REPLAY_WINDOW_FRAMES) this.#seen.fill(0);
    else for (let next = this.#highest + 1; next < counter; next++) this.#set(next, false);
    this.#highest = Math.max(this.#highest, counter);
    this.#set(counter, true);
    return true;
  }

  #has(counter: number): boolean {
    const place = counter % REPLAY_WINDOW_FRAMES;
    return ((this.#seen[place >> 3] ?? 0) & (1 << (place & 7))) !== 0;
  }

  #set(counter: number, isSeen: boolean): void {
    const place = counter % REPLAY_WINDOW_FRAMES;
    const bit = 1 << (place & 7);
    const byte = this.#seen[place >> 3] ?? 0;
    this.#seen[place >> 3] = isSeen ? byte | bit : byte & ~bit;
  }
}
