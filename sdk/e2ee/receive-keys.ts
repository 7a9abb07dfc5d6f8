// The keys that frames of one participant are opened with: those that it has told, and those of later generations, to
// which a frame leads that opens with one. Owned by frame-vault.ts; time is an argument.

import type { Bytes } from './bytes.ts';
import { openFrame, readTrailer } from './frame-codec.ts';
import type { Trailer } from './frame-codec.ts';
import { KEY_RETIRES_MS, KEYS_PER_SENDER_MAX, RATCHET_PAUSE_MS } from './limits.ts';
import { frameKeyOf, isNewer, nextGeneration } from './media-key.ts';
import type { ChainKey, FrameKey } from './media-key.ts';
import { ReplayWindow } from './replay-window.ts';

interface Held {
  readonly frameKey: FrameKey;
  readonly window: ReplayWindow;
  retiresAtMs: number;
}

export class ReceiveKeys {
  /** The newest first. */
  #held: Held[] = [];
  /** Of the newest. */
  #chain: ChainKey | null = null;
  #ratchetsAtMs = -Infinity;
  /** The newest frame had a key that was not told. */
  lacks = false;

  /** False for one that is no newer than what there is. */
  async install(chain: ChainKey, nowMs: number): Promise<boolean> {
    if (!isNewer(chain, this.#chain)) return false;
    this.#hold(chain, await frameKeyOf(chain), nowMs);
    return true;
  }

  /** The frame as it was before; null for what has no key, was changed, or has been there before. */
  async open(frame: Bytes, nowMs: number): Promise<Bytes | null> {
    this.lacks = false;
    const trailer = readTrailer(frame);
    if (!trailer) return null;
    const held = this.#find(trailer, nowMs);
    if (!held) {
      const later = await this.#openLater(trailer, frame, nowMs);
      this.lacks = !later;
      return later;
    }
    if (!held.window.isNew(trailer.counter)) return null;
    const opened = await openFrame(held.frameKey, trailer, frame);
    return opened && held.window.take(trailer.counter) ? opened : null;
  }

  /** Perhaps of a later generation, which has told itself to whoever has come. */
  async #openLater(trailer: Trailer, frame: Bytes, nowMs: number): Promise<Bytes | null> {
    let chain = this.#chain;
    const isLater =
      chain !== null &&
      trailer.epoch === (chain.epoch & 0xff) &&
      trailer.generation > chain.generation;
    if (!chain || !isLater || nowMs < this.#ratchetsAtMs) return null;
    while (chain.generation < trailer.generation) {
      // Each step is made of the one before.
      // oxlint-disable-next-line no-await-in-loop
      chain = await nextGeneration(chain);
    }
    const frameKey = await frameKeyOf(chain);
    const opened = await openFrame(frameKey, trailer, frame);
    if (!opened) {
      this.#ratchetsAtMs = nowMs + RATCHET_PAUSE_MS;
      return null;
    }
    const held = this.#hold(chain, frameKey, nowMs);
    return held?.window.take(trailer.counter) === true ? opened : null;
  }

  #find({ epoch, generation }: Trailer, nowMs: number): Held | undefined {
    return this.#held.find(
      ({ frameKey, retiresAtMs }) =>
        (frameKey.epoch & 0xff) === epoch &&
        frameKey.generation === generation &&
        nowMs < retiresAtMs,
    );
  }

  /** Another stream may have come to the same key meanwhile; undefined where it has come further. */
  #hold(chain: ChainKey, frameKey: FrameKey, nowMs: number): Held | undefined {
    if (!isNewer(chain, this.#chain)) {
      const trailer = {
        counter: 0,
        clear: 0,
        epoch: chain.epoch & 0xff,
        generation: chain.generation,
      };
      return this.#find(trailer, nowMs);
    }
    const held: Held = { frameKey, window: new ReplayWindow(), retiresAtMs: Infinity };
    for (const older of this.#held) {
      older.retiresAtMs = Math.min(older.retiresAtMs, nowMs + KEY_RETIRES_MS);
    }
    this.#held = [held, ...this.#held].slice(0, KEYS_PER_SENDER_MAX);
    this.#chain = chain;
    return held;
  }
}
