// What the worker knows: the key that our frames are sealed with, those of the others, and whom each receiver shows.
// One for all connections, so that no two frames have the same nonce. Knows nothing of browsers; owned by
// sterna-e2ee-worker.ts, time is an argument.

import type { Bytes } from './bytes.ts';
import { sealFrame } from './frame-codec.ts';
import type { FrameCodec } from './frame-codec.ts';
import { FRAMES_PER_KEY_MAX, FRAMES_PER_KEY_RENEW, KEY_ASK_MS, SENDERS_MAX } from './limits.ts';
import { frameKeyOf, isNewer } from './media-key.ts';
import type { ChainKey, FrameKey } from './media-key.ts';
import { ReceiveKeys } from './receive-keys.ts';

export interface VaultSink {
  /** Another key is wanted soon. */
  onUsedUp(): void;
  /** What comes from that participant has a key that it has not told. */
  onLack(sid: string): void;
}

export class FrameVault {
  readonly #sink: VaultSink;
  readonly #askedAtMs = new Map<string, number>();
  readonly #senders = new Map<string, ReceiveKeys>();
  readonly #shown = new Map<number, string>();
  #sendKey: FrameKey | null = null;
  #wanted: ChainKey | null = null;
  #counter = 0;

  constructor(sink: VaultSink) {
    this.#sink = sink;
  }

  /** A counter begins anew with a key, and never with one that there was. */
  async useSendKey(chain: ChainKey): Promise<void> {
    if (!isNewer(chain, this.#wanted)) return;
    this.#wanted = chain;
    const key = await frameKeyOf(chain);
    if (chain !== this.#wanted) return;
    this.#sendKey = key;
    this.#counter = 0;
  }

  /** Another session: its keys and participants are others. */
  reset(): void {
    this.#sendKey = null;
    this.#wanted = null;
    this.#senders.clear();
    this.#askedAtMs.clear();
  }

  /** True when frames can be opened with it that could not before. */
  async useReceiveKey(sid: string, chain: ChainKey, nowMs: number): Promise<boolean> {
    const keys = this.#senders.get(sid) ?? new ReceiveKeys();
    if (!this.#senders.has(sid) && this.#senders.size >= SENDERS_MAX) return false;
    this.#senders.set(sid, keys);
    return keys.install(chain, nowMs);
  }

  forget(sid: string): void {
    this.#senders.delete(sid);
    this.#askedAtMs.delete(sid);
  }

  /** That receiver shows that participant from now on, and opens frames of nobody else. */
  show(receiver: number, sid: string): void {
    this.#shown.set(receiver, sid);
  }

  /** Its connection is closed. */
  end(receiver: number): void {
    this.#shown.delete(receiver);
  }

  shows(receiver: number, sid: string): boolean {
    return this.#shown.get(receiver) === sid;
  }

  /** Null while there is no key: then nothing is sent. */
  async seal(codec: FrameCodec, frame: Bytes): Promise<Bytes | null> {
    const key = this.#sendKey;
    if (!key || this.#counter > FRAMES_PER_KEY_MAX) return null;
    const counter = this.#counter++;
    if (counter === FRAMES_PER_KEY_RENEW) this.#sink.onUsedUp();
    return sealFrame(key, counter, frame, codec);
  }

  /** Null for what is not to be shown. */
  async open(receiver: number, frame: Bytes, nowMs: number): Promise<Bytes | null> {
    const sid = this.#shown.get(receiver);
    const keys = sid === undefined ? undefined : this.#senders.get(sid);
    const opened = (await keys?.open(frame, nowMs)) ?? null;
    if (sid !== undefined && keys?.lacks === true) this.#askFor(sid, nowMs);
    // Meanwhile it may have been given to somebody else.
    return sid !== undefined && this.#shown.get(receiver) === sid ? opened : null;
  }

  /** A key may be on its way, so once is enough for a while; of whoever is not here nothing is remembered. */
  #askFor(sid: string, nowMs: number): void {
    if (nowMs - (this.#askedAtMs.get(sid) ?? -Infinity) < KEY_ASK_MS || !this.#senders.has(sid))
      return;
    this.#askedAtMs.set(sid, nowMs);
    this.#sink.onLack(sid);
  }
}
