// Plays a media file on a track: each frame when it is due, as the packets of its codec; again from the start, and
// back at a key frame where one is asked for. Owned by local-track.ts.

import { setTimeout as sleep } from 'node:timers/promises';
import { CODECS } from './codecs.ts';
import type { MediaFile } from './files/media-file.ts';
import { BEHIND_MS_MAX, KEY_FRAME_EVERY_MS } from './limits.ts';
import type { LocalTrack } from './local-track.ts';
import { packetizerOf } from './payloads/packetizer.ts';

export interface PlayOptions {
  /** From the start again at the end; default false. */
  loop?: boolean;
  signal?: AbortSignal;
}

export class Player {
  readonly #track: LocalTrack;
  readonly #file: MediaFile;
  readonly #loop: boolean;
  readonly #signal: AbortSignal | undefined;
  readonly #stopped = new AbortController();
  readonly #firstTimestamp: number;
  #keyFrameWanted = false;
  #keyFrameAt = -Infinity;

  constructor(
    track: LocalTrack,
    file: MediaFile,
    { loop = false, signal }: PlayOptions,
    lastTimestamp: number,
  ) {
    this.#track = track;
    this.#file = file;
    this.#loop = loop;
    this.#signal = signal;
    // Later than what was sent before, by a tenth of a second.
    this.#firstTimestamp = lastTimestamp + CODECS[file.codec].clockRate / 10;
  }

  get stopped(): AbortSignal {
    return this.#stopped.signal;
  }

  wantKeyFrame(): void {
    this.#keyFrameWanted = true;
  }

  stop(): void {
    this.#stopped.abort();
  }

  /** Resolves at the end of the file, or when it was stopped; rejects when the caller's signal aborts. */
  async run(): Promise<void> {
    const { frames, codec, duration } = this.#file;
    const perMs = CODECS[codec].clockRate / 1000;
    const send = packetizerOf(codec);
    let startedAt = performance.now();
    /** Of what was played before this pass, or before going back. */
    let base = 0;
    for (let at = 0; ; at++) {
      if (at === frames.length) {
        if (!this.#loop) return;
        base += duration;
        at = 0;
      }
      const back = this.#keyFrameBefore(at);
      if (back !== at) {
        base += (frames[at]?.timestamp ?? 0) - (frames[back]?.timestamp ?? 0);
        at = back;
      }
      const frame = frames[at]!;
      const elapsed = base + frame.timestamp;
      const dueAt = startedAt + elapsed / perMs;
      // oxlint-disable-next-line no-await-in-loop -- in its own time
      if (!(await this.#until(dueAt))) return;
      const behind = performance.now() - dueAt;
      if (behind > BEHIND_MS_MAX) startedAt += behind;
      if (frame.isKeyFrame) this.#keyFrameAt = performance.now();
      const timestamp = (this.#firstTimestamp + elapsed) >>> 0;
      send(frame, (payload, marker) => this.#track.send(payload, { timestamp, marker }));
    }
  }

  /** Where to go on: at the last key frame where one is wanted, if the file has any. */
  #keyFrameBefore(at: number): number {
    if (!this.#keyFrameWanted) return at;
    this.#keyFrameWanted = false;
    if (performance.now() - this.#keyFrameAt < KEY_FRAME_EVERY_MS) return at;
    const { frames } = this.#file;
    for (let i = at; i >= 0; i--) if (frames[i]!.isKeyFrame) return i;
    return at;
  }

  async #until(dueAt: number): Promise<boolean> {
    const { signal } = this.#stopped;
    const waitMs = dueAt - performance.now();
    if (waitMs >= 1) await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    this.#signal?.throwIfAborted();
    return !signal.aborted;
  }
}
