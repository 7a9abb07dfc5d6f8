// Sessions in the order in which their consent runs out (RFC 7675 s5.1). It lasts equally long for all of
// them, so the one refreshed last goes to the end and nothing is ever sorted. Called by: IceLite. Allocates:
// one link per session.

import { CONSENT_MS } from './limits.ts';

interface Link<Session> {
  readonly session: Session;
  refreshedAt: number;
  earlier: Link<Session> | undefined;
  later: Link<Session> | undefined;
}

export class ConsentQueue<Session> {
  readonly #links = new Map<Session, Link<Session>>();
  #first: Link<Session> | undefined = undefined;
  #last: Link<Session> | undefined = undefined;

  /** The consent of that session lasts from now on. Times never go back. */
  refresh(session: Session, now: number): void {
    let link = this.#links.get(session);
    if (link === undefined) {
      link = { session, refreshedAt: now, earlier: undefined, later: undefined };
      this.#links.set(session, link);
    } else {
      this.#unlink(link);
    }
    link.refreshedAt = now;
    link.earlier = this.#last;
    if (this.#last === undefined) this.#first = link;
    else this.#last.later = link;
    this.#last = link;
  }

  delete(session: Session): void {
    const link = this.#links.get(session);
    if (link === undefined) return;
    this.#unlink(link);
    this.#links.delete(session);
  }

  /** When the first consent runs out; Infinity when there is none. */
  get deadline(): number {
    return this.#first === undefined ? Infinity : this.#first.refreshedAt + CONSENT_MS;
  }

  /** Whether a consent has run out. */
  isDue(now: number): boolean {
    return this.#first !== undefined && now >= this.#first.refreshedAt + CONSENT_MS;
  }

  /** Takes out a session whose consent has run out; undefined when there is none. */
  takeExpired(now: number): Session | undefined {
    const first = this.#first;
    if (first === undefined || !this.isDue(now)) return undefined;
    this.delete(first.session);
    return first.session;
  }

  #unlink(link: Link<Session>): void {
    const { earlier, later } = link;
    if (earlier === undefined) this.#first = later;
    else earlier.later = later;
    if (later === undefined) this.#last = earlier;
    else later.earlier = earlier;
    link.earlier = undefined;
    link.later = undefined;
  }
}
