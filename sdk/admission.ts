// From join() to the moment when the application has its room: let in by the server and, where media goes through it,
// connected. Whoever has a room can expect to be seen and heard; where a network lets no media through, who has waited
// long enough gets a room with everything else in it. Owned by room.ts.

import { SternaClientError } from './errors.ts';

export interface AdmissionOptions {
  /** 0: media is not waited for. */
  readonly mediaTimeoutMs: number;
  /** Ends the wait, or the room later. */
  readonly signal: AbortSignal | undefined;
  readonly onAbort: () => void;
}

export class Admission {
  /** Media is up, or there is none to wait for; rejects when the room is closed before. */
  readonly ready: Promise<void>;
  readonly #options: AdmissionOptions;
  readonly #abort = (): void => {
    this.closed(
      new SternaClientError('ABORTED', undefined, { cause: this.#options.signal?.reason }),
    );
    this.#options.onAbort();
  };
  #onReady: () => void = () => undefined;
  #onClosed: (error: SternaClientError) => void = () => undefined;
  #onLate: () => void = () => undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isLate = false;
  #hasJoined = false;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.ready = new Promise((resolve, reject) => {
      this.#onReady = resolve;
      this.#onClosed = reject;
    });
    // Nobody has to be interested.
    this.ready.catch(() => undefined);
  }

  /** Media has taken too long. */
  get isLate(): boolean {
    return this.#isLate;
  }

  /** What join() waits for; `start` begins it. */
  async wait(start: () => void): Promise<void> {
    const { signal } = this.#options;
    const late = new Promise<void>((resolve) => {
      this.#onLate = resolve;
    });
    if (signal?.aborted) this.#abort();
    else {
      signal?.addEventListener('abort', this.#abort, { once: true });
      start();
    }
    await Promise.race([this.ready, late]);
  }

  /** The server has let us in. */
  joined(hasMedia: boolean): void {
    if (this.#hasJoined) return;
    this.#hasJoined = true;
    const { mediaTimeoutMs } = this.#options;
    if (!hasMedia) this.connected();
    else if (mediaTimeoutMs === 0) this.#onLate();
    else {
      this.#timer = setTimeout(() => {
        this.#isLate = true;
        this.#onLate();
      }, mediaTimeoutMs);
    }
  }

  connected(): void {
    clearTimeout(this.#timer);
    this.#onReady();
  }

  closed(error: SternaClientError): void {
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#onClosed(error);
  }
}
