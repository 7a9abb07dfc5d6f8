// Asks again and again: one round at a time, less often while it fails, never while nobody sees the page.
// Called by: main.ts.

const EVERY_MS = 2000;
const FAILING_MS_MAX = 30_000;

export interface PollerOptions {
  /** One round. Rejects when it failed. */
  ask(signal: AbortSignal): Promise<void>;
  onSuccess(): void;
  /** @param nextMs until it is tried again */
  onFailure(error: unknown, nextMs: number): void;
}

export class Poller {
  readonly #options: PollerOptions;
  readonly #onVisibility = (): void => (document.hidden ? this.#pause() : this.poke());
  #round: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #isOn = false;

  constructor(options: PollerOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#isOn) return;
    this.#isOn = true;
    document.addEventListener('visibilitychange', this.#onVisibility);
    this.poke();
  }

  stop(): void {
    this.#isOn = false;
    document.removeEventListener('visibilitychange', this.#onVisibility);
    this.#pause();
  }

  /** At once: what is to be seen is another thing now. */
  poke(): void {
    this.#pause();
    if (this.#isOn && !document.hidden) void this.#go(new AbortController());
  }

  #pause(): void {
    clearTimeout(this.#timer);
    this.#round?.abort();
    this.#round = undefined;
  }

  async #go(round: AbortController): Promise<void> {
    this.#round = round;
    let waitMs = EVERY_MS;
    try {
      await this.#options.ask(round.signal);
      if (this.#round !== round) return;
      this.#failures = 0;
      this.#options.onSuccess();
    } catch (error) {
      if (this.#round !== round) return;
      waitMs = Math.min(FAILING_MS_MAX, EVERY_MS * 2 ** this.#failures++);
      this.#options.onFailure(error, waitMs);
    }
    // What it was told may have ended it, or begun another round.
    if (this.#round === round) this.#timer = setTimeout(() => this.poke(), waitMs);
  }
}
