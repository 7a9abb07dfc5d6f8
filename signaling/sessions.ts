// All sessions by id, and until when those without a WebSocket may be resumed.
// Called by: joining (open, find, attach), conversations (detach), the sweep. Bounded by `maxSessions`.

import type { Clock } from '../shared/clock.ts';
import type { Logger } from '../shared/log.ts';
import type { SignalingLimits } from './limits.ts';
import { Session } from './session.ts';
import type { SessionOptions } from './session.ts';
import type { SignalSocket } from './signal-socket.ts';

interface Absence {
  readonly forMs: number;
  /** Monotonic. */
  until: number;
  /** What the room reads when nobody has come back by then. */
  readonly reason: 'LEFT' | 'TIMEOUT';
}

export class Sessions {
  readonly #sessions = new Map<string, Session>();
  readonly #away = new Map<Session, Absence>();
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #limits: SignalingLimits;
  readonly #node: string | null;

  constructor(clock: Clock, log: Logger, limits: SignalingLimits, node: string | null = null) {
    this.#clock = clock;
    this.#log = log;
    this.#limits = limits;
    this.#node = node;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get awayCount(): number {
    return this.#away.size;
  }

  get full(): boolean {
    return this.#sessions.size >= this.#limits.maxSessions;
  }

  open(options: Omit<SessionOptions, 'limits' | 'node' | 'onEnd'>): Session {
    const session = new Session({
      ...options,
      limits: this.#limits,
      node: this.#node,
      onEnd: (ended, reason) => this.#onEnd(ended, reason),
    });
    this.#sessions.set(session.id, session);
    return session;
  }

  /** The session of that id, when the secret is its own; an unknown id and a wrong secret look the same. */
  find(id: string, secret: string): Session | undefined {
    const session = this.#sessions.get(id);
    return session?.hasSecret(secret) === true ? session : undefined;
  }

  /** Puts a new WebSocket under a session; returns the old one, if it still had one. */
  attach(session: Session, socket: SignalSocket): SignalSocket | null {
    const before = session.socket;
    session.socket = socket;
    this.#away.delete(session);
    if (session.participant.setState('active')) session.room.feed.changed(session.participant);
    return before;
  }

  /**
   * The session lost this WebSocket; without effect when it is on another by now, or over.
   * @param backMs its client has left, and said when it would be back; else it waits as long as a session may
   */
  detach(session: Session, socket: SignalSocket, backMs?: number): void {
    if (session.socket !== socket || session.over) return;
    session.socket = null;
    const forMs = Math.min(backMs ?? Infinity, this.#limits.resumeMs);
    const until = this.#clock.monotonic() + forMs;
    this.#away.set(session, { forMs, until, reason: backMs === undefined ? 'TIMEOUT' : 'LEFT' });
    session.participant.setState('away');
    session.room.feed.changed(session.participant);
    session.room.feed.schedule();
    this.#log.info('session.away', names(session));
  }

  /** Ends the sessions whose time to resume is over. */
  sweep(now: number): void {
    for (const [session, { until, reason }] of this.#away) {
      if (now < until) continue;
      session.end(reason);
      session.room.feed.schedule();
    }
  }

  /** Those without a WebSocket have their whole time again: until now none of them could have come back. */
  waitAnew(now: number): void {
    for (const absence of this.#away.values()) absence.until = now + absence.forMs;
  }

  #onEnd(session: Session, reason: string): void {
    this.#sessions.delete(session.id);
    this.#away.delete(session);
    this.#log.info('session.left', { ...names(session), reason });
  }
}

/** What log lines say of a session; never its secret. */
export function names(session: Session): Record<string, string> {
  const { participant, room, id } = session;
  return { session: id, room: room.name, identity: participant.identity, sid: participant.sid };
}
