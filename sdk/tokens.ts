// The tokens of a room: the one that was given, or what the provider says when it is asked. Owned by room.ts.

import type { JoinOptions } from './join-options.ts';

export class Tokens {
  readonly #options: Pick<JoinOptions, 'token' | 'tokenProvider'>;
  readonly #onAsk: () => void;
  #asked: Promise<string> | undefined;

  /** @param onAsk what can be done meanwhile */
  constructor(options: Pick<JoinOptions, 'token' | 'tokenProvider'>, onAsk: () => void) {
    this.#options = options;
    this.#onAsk = onAsk;
  }

  /** A token asked for again may be a newer one. */
  get renew(): boolean {
    return this.#options.tokenProvider !== undefined;
  }

  /** To look at: the next `take` gets the same one. */
  peek(signal: AbortSignal): Promise<string> {
    this.#asked ??= this.#ask(signal);
    return this.#asked;
  }

  /** For one join. */
  take(signal: AbortSignal): Promise<string> {
    const asked = this.peek(signal);
    this.#asked = undefined;
    return asked;
  }

  async #ask(signal: AbortSignal): Promise<string> {
    const { token = '', tokenProvider } = this.#options;
    if (!tokenProvider) return token;
    this.#onAsk();
    return tokenProvider({ signal });
  }
}
