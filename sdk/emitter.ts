// A small typed event emitter: `Events` maps a name to the type of its one argument. Room extends it.

import { SternaClientError } from './errors.ts';

export type Listener<T> = (detail: T) => void;

export interface ListenOptions {
  /** Removes the listener when aborted. */
  signal?: AbortSignal;
  once?: boolean;
}

function report(error: unknown): void {
  // A listener's mistake is its author's to see, and must not stop the listeners after it.
  if (typeof reportError === 'function') reportError(error);
  else {
    queueMicrotask(() => {
      throw error;
    });
  }
}

export class Emitter<Events extends object> {
  #listeners: { [K in keyof Events]?: Set<Listener<Events[K]>> } = {};
  /** Of those who wait for an event. */
  readonly #waiting = new Set<(error: SternaClientError) => void>();
  #isOver = false;

  /** Calls `listener` on each `event`; returns the function that removes it. */
  on<K extends keyof Events>(
    event: K,
    listener: Listener<Events[K]>,
    options: ListenOptions = {},
  ): () => void {
    const { signal, once } = options;
    const added: Listener<Events[K]> = once
      ? (detail) => {
          remove();
          listener(detail);
        }
      : (detail) => listener(detail);
    const remove = (): void => {
      this.#listeners[event]?.delete(added);
      signal?.removeEventListener('abort', remove);
    };
    if (signal?.aborted) return remove;
    signal?.addEventListener('abort', remove, { once: true });
    const set = this.#listeners[event] ?? new Set();
    set.add(added);
    this.#listeners[event] = set;
    return remove;
  }

  /**
   * Resolves with the next `event` that `accept` takes (any, when left out); rejects when `signal` aborts, and when none
   * can come any more.
   */
  next<K extends keyof Events>(
    event: K,
    options: { signal?: AbortSignal; accept?: (detail: Events[K]) => boolean } = {},
  ): Promise<Events[K]> {
    const { signal, accept } = options;
    return new Promise((resolve, reject) => {
      const end = (): void => {
        remove();
        this.#waiting.delete(fail);
        signal?.removeEventListener('abort', abort);
      };
      const fail = (error: SternaClientError): void => {
        end();
        reject(error);
      };
      const abort = (): void => {
        fail(new SternaClientError('ABORTED', undefined, { cause: signal?.reason }));
      };
      const remove = this.on(event, (detail) => {
        if (accept && !accept(detail)) return;
        end();
        resolve(detail);
      });
      this.#waiting.add(fail);
      if (this.#isOver) fail(new SternaClientError('CLOSED'));
      else if (signal?.aborted) abort();
      else signal?.addEventListener('abort', abort, { once: true });
    });
  }

  protected emit<K extends keyof Events>(event: K, detail: Events[K]): void {
    // A copy, so that a listener that adds one does not call it for the same event.
    const listeners = Array.from(this.#listeners[event] ?? []);
    for (const listener of listeners) {
      try {
        listener(detail);
      } catch (error) {
        report(error);
      }
    }
  }

  /** No event comes any more. */
  protected removeAllListeners(): void {
    this.#isOver = true;
    this.#listeners = {};
    for (const fail of this.#waiting) fail(new SternaClientError('CLOSED'));
  }
}
