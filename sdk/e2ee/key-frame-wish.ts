// When the sender of pictures is asked for one that needs none before it: frames of it could not be opened, and now
// they can. Until it has come nothing is handed to the decoder. Owned by sterna-e2ee-worker.ts, one a receiver.

import { KEY_FRAME_ASK_MS } from './limits.ts';

export class KeyFrameWish {
  readonly #ask: () => void;
  #isMissing = false;
  #askedAtMs = -Infinity;

  constructor(ask: () => void) {
    this.#ask = ask;
  }

  /** A frame was dropped: what refers to it cannot be decoded. */
  miss(): void {
    this.#isMissing = true;
  }

  /** Whether a frame that was opened is of use. */
  admits(isKeyFrame: boolean, nowMs: number): boolean {
    if (isKeyFrame) this.#isMissing = false;
    else this.askIfMissing(nowMs);
    return !this.#isMissing;
  }

  /** There is a key now. */
  askIfMissing(nowMs: number): void {
    if (!this.#isMissing || nowMs - this.#askedAtMs < KEY_FRAME_ASK_MS) return;
    this.#askedAtMs = nowMs;
    this.#ask();
  }
}
