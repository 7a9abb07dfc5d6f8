// The session under a signaling connection: what it takes to go on with it, which of its pushes have been seen, and how
// the newest `joined` came about. Owned by signal-connection.ts.

import type { JoinMessage, JoinedMessage } from '../signaling/protocol.ts';
import type { SessionMark } from './page-stay.ts';
import { PushSequence } from './push-sequence.ts';

/** `lost`: resumed, but pushes are missing; `returned`: resumed by another page, which knows nothing of before. */
export type JoinedHow = 'joined' | 'resumed' | 'lost' | 'rejoined' | 'returned';

export class SignalSession {
  readonly #pushes = new PushSequence();
  #held: { id: string; secret: string } | null = null;
  /** It is another page's. */
  #returns = false;
  #everJoined = false;

  get isHeld(): boolean {
    return this.#held !== null;
  }

  get isOfAnotherPage(): boolean {
    return this.#returns;
  }

  get everJoined(): boolean {
    return this.#everJoined;
  }

  /** That of the page before this one. */
  adopt({ id, secret, lastSeq }: SessionMark): void {
    this.#held = { id, secret };
    this.#returns = true;
    this.#pushes.restart(lastSeq);
  }

  /** It is over. */
  drop(): void {
    this.#held = null;
    this.#returns = false;
  }

  /** Null: there is none. */
  mark(): SessionMark | null {
    return this.#held && { ...this.#held, lastSeq: this.#pushes.last };
  }

  /** What `join` says of it. */
  resumption(): Pick<JoinMessage, 'session'> {
    const mark = this.mark();
    if (!mark) return {};
    return { session: this.#returns ? { ...mark, anew: true } : mark };
  }

  onJoined(message: JoinedMessage): JoinedHow {
    const how = this.#howJoined(message);
    this.#held = { id: message.session.id, secret: message.session.secret };
    // A clean resume replays what was missed, so the sequence goes on from what we have seen.
    if (!message.resumed || message.lost) this.#pushes.restart(message.s);
    this.#returns = false;
    this.#everJoined = true;
    return how;
  }

  /** True when that push has not been seen. */
  accept(s: number): boolean {
    return this.#pushes.accept(s);
  }

  #howJoined({ resumed, lost }: JoinedMessage): JoinedHow {
    if (!resumed) return this.#everJoined ? 'rejoined' : 'joined';
    if (this.#returns) return 'returned';
    return lost ? 'lost' : 'resumed';
  }
}
