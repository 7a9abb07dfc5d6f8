// What a page leaves in sessionStorage for the page that comes after it in the same tab, so that a reload is no leaving
// and coming. It is there only between the two: a tab that is duplicated copies nothing that could take the session.
// Owned by room.ts.

import { STAY_NAME } from './limits.ts';
import { claimsOf } from './token-grants.ts';

/** What it takes to go on with a session of the server's. */
export interface SessionMark {
  readonly id: string;
  readonly secret: string;
  /** The `s` of the last push that was seen. */
  readonly lastSeq: number;
}

/** Whose it is. */
export interface Stayer {
  readonly room: string;
  readonly identity: string;
}

export interface PageStayOptions {
  /** `JoinOptions.resume`. */
  readonly resume: boolean | string | undefined;
  readonly url: string;
  /** Throws where a browser forbids it. */
  readonly storage: () => Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  readonly now: () => number;
}

function markOf(text: string, now: number): SessionMark | null {
  const mark: unknown = JSON.parse(text);
  if (typeof mark !== 'object' || mark === null) return null;
  if (!('id' in mark && 'secret' in mark && 'lastSeq' in mark && 'until' in mark)) return null;
  const { id, secret, lastSeq, until } = mark;
  if (typeof id !== 'string' || typeof secret !== 'string') return null;
  if (typeof lastSeq !== 'number' || !Number.isSafeInteger(lastSeq) || lastSeq < 0) return null;
  // Of a tab that is opened again days later nothing is left at the server.
  return typeof until === 'number' && now < until ? { id, secret, lastSeq } : null;
}

export class PageStay {
  readonly #options: PageStayOptions;
  /** As it was written by this page. */
  #left = '';

  constructor(options: PageStayOptions) {
    this.#options = options;
  }

  get isOn(): boolean {
    return this.#options.resume !== undefined && this.#options.resume !== false;
  }

  /** What the page before has left, if the token is of the same participant; a name of the application's needs none. */
  async find(token: () => Promise<string>): Promise<SessionMark | null> {
    const { resume, now } = this.#options;
    if (!this.isOn) return null;
    const text = this.#take(typeof resume === 'string' ? null : claimsOf(await token()));
    try {
      return text === null ? null : markOf(text, now());
    } catch {
      return null;
    }
  }

  /** This page goes; `forMs`: no server waits longer. */
  leave(mark: SessionMark, stayer: Stayer, forMs: number): void {
    this.#left = JSON.stringify({ ...mark, until: this.#options.now() + forMs });
    try {
      this.#options.storage().setItem(this.#key(stayer), this.#left);
    } catch {
      // The next page joins anew.
    }
  }

  /** This page is shown again. False: another page has the session by now. */
  takeBack(stayer: Stayer): boolean {
    return this.#take(stayer) === this.#left;
  }

  #take(stayer: Stayer | null): string | null {
    try {
      const storage = this.#options.storage();
      const key = this.#key(stayer);
      const text = storage.getItem(key);
      storage.removeItem(key);
      return text;
    } catch {
      return null;
    }
  }

  #key(stayer: Stayer | null): string {
    const { resume, url } = this.#options;
    const name =
      typeof resume === 'string' ? resume : JSON.stringify([url, stayer?.room, stayer?.identity]);
    return `${STAY_NAME} ${name}`;
  }
}
