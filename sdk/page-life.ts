// A room in the life of its page: when the page goes, the participant leaves, or waits for the page to come back; when
// the network changes, everything is looked after. Owned by room.ts.

import { BACK_MS } from './limits.ts';
import { PageStay } from './page-stay.ts';
import type { SessionMark, Stayer } from './page-stay.ts';
import { watchPage } from './page-watch.ts';

export interface PageLifeSink {
  /** Null: this stay is not one to come back to. */
  stayer(): Stayer | null;
  /** See SignalConnection.pause and wake. */
  pause(backMs: number): SessionMark | null;
  wake(isOurs: boolean): void;
  leave(): void;
  onNetworkChange(): void;
}

/** The server says how long it waits at most; nothing is worth keeping for longer than this. */
const KEEP_MS = 60_000;

export class PageLife {
  readonly #sink: PageLifeSink;
  readonly #stay: PageStay;
  #unwatch: () => void = () => undefined;

  constructor(url: string, resume: boolean | string | undefined, sink: PageLifeSink) {
    this.#sink = sink;
    this.#stay = new PageStay({ resume, url, storage: () => sessionStorage, now: Date.now });
  }

  /** See PageStay. */
  find(token: () => Promise<string>): Promise<SessionMark | null> {
    return this.#stay.find(token);
  }

  begin(): void {
    this.end();
    this.#unwatch = watchPage({
      networkChange: () => this.#sink.onNetworkChange(),
      hide: () => this.#hide(),
      show: () => {
        const stayer = this.#sink.stayer();
        this.#sink.wake(stayer !== null && this.#stay.takeBack(stayer));
      },
    });
  }

  end(): void {
    this.#unwatch();
  }

  /** Whether it is closed or loaded again, nobody tells. */
  #hide(): void {
    const stayer = this.#stay.isOn ? this.#sink.stayer() : null;
    const mark = stayer && this.#sink.pause(BACK_MS);
    if (stayer && mark) this.#stay.leave(mark, stayer, KEEP_MS);
    else this.#sink.leave();
  }
}
