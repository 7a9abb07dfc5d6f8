// One WebSocket's side of the protocol: first `join`, then requests, each answered once; a sender that keeps
// being refused is cut. Called by: signaling-server.ts with every message, none of which throws out of here.

import { CODES } from './codes.ts';
import type { Reason } from './codes.ts';
import { decode } from './decode.ts';
import type { Decoded } from './decode.ts';
import { changeAttributes, relaySignal, sendData } from './handlers.ts';
import { join } from './join.ts';
import { answerOffer, muteTrack, subscribe } from './media-handlers.ts';
import { moderate } from './moderation.ts';
import { LIMITS } from './protocol.ts';
import type { AnswerMessage, ClientMessage, SdpAnswer, SimulateMessage } from './protocol.ts';
import { Violations } from './violations.ts';
import { errorFrame, refusal } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import type { Service } from './service.ts';
import type { Session } from './session.ts';
import { names } from './sessions.ts';
import type { SignalSocket } from './signal-socket.ts';
import { simulateSelf } from './simulate.ts';

/** Refusals that a well-behaved client can run into; they do not count against it. */
const INNOCENT: ReadonlySet<Reason> = new Set<Reason>([
  'NOT_FOUND',
  'INTERNAL',
  'MEDIA_UNAVAILABLE',
]);
const OK = null;

export class Conversation {
  readonly socket: SignalSocket;
  readonly requestHost: string;
  /** Monotonic. */
  readonly openedAt: number;
  heardAt: number;
  session: Session | null = null;
  readonly #service: Service;
  readonly #onJoined: () => void;
  readonly #violations: Violations;

  /** `onJoined` is called once, when the socket stops being unauthenticated. */
  constructor(service: Service, socket: SignalSocket, requestHost: string, onJoined: () => void) {
    this.#service = service;
    this.socket = socket;
    this.requestHost = requestHost;
    this.openedAt = service.clock.monotonic();
    this.heardAt = this.openedAt;
    this.#onJoined = onJoined;
    const { violationsMax, violationWindowMs } = service.limits;
    this.#violations = new Violations(violationsMax, violationWindowMs);
  }

  receive(data: Buffer, isBinary: boolean): void {
    if (!this.socket.open) return;
    const now = this.#service.clock.monotonic();
    this.heardAt = now;
    this.#service.counters.messages++;
    let decoded: Decoded | undefined;
    try {
      decoded = decode(data, isBinary, this.session === null ? LIMITS.joinBytes : LIMITS.msgBytes);
      if (this.session === null) this.#receiveFirst(decoded, now);
      else this.#receiveNext(this.session, decoded, data.length, now);
    } catch (error) {
      this.#fail(error, decoded?.i);
    }
  }

  /** A ping or pong frame of WebSocket; `ws` has answered a ping. */
  receiveControl(): void {
    const now = this.#service.clock.monotonic();
    this.heardAt = now;
    const waitMs = this.session?.charge(0, now) ?? 0;
    if (waitMs > 0) this.#refuse(tooFast(waitMs), undefined, now);
  }

  /** The WebSocket is gone. */
  closed(): void {
    const { closedFor } = this.socket;
    if (closedFor !== null && closedFor !== 'LEFT') this.#service.counters.closed(closedFor);
    if (this.session !== null) this.#service.sessions.detach(this.session, this.socket);
  }

  /** Says `bye` and closes; the session stays for a resume where the table says so, else it is over. */
  cut(why: Refusal): void {
    const { session } = this;
    if (session === null || session.socket !== this.socket) this.socket.bye(why);
    else if (CODES[why.reason].action === 'resume') {
      this.socket.bye(why);
      this.#service.sessions.detach(session, this.socket);
    } else {
      session.dismiss(why);
      session.room.feed.schedule();
    }
  }

  #receiveFirst({ i, result }: Decoded, now: number): void {
    if ('refused' in result) return this.#refuse(result.refused, i, now);
    const { message } = result;
    if (message.type !== 'join') {
      const wrong = refusal('BAD_MESSAGE', `type: expected join before any ${message.type}`);
      return this.#refuse(wrong, i, now);
    }
    const why = join(this.#service, this, message);
    if (why !== null) {
      this.#refuse(why, i, now);
      return this.cut(why);
    }
    this.#service.counters.joinDurations.add(this.#service.clock.monotonic() - now);
    return this.#onJoined();
  }

  #receiveNext(session: Session, { i, result }: Decoded, bytes: number, now: number): void {
    const waitMs = session.charge(bytes, now);
    const earlier = i === undefined ? undefined : session.replies.find(i);
    if (earlier?.state === 'known') {
      this.socket.send(earlier.frame);
      if (waitMs > 0) this.#countViolation(tooFast(waitMs), now);
      return;
    }
    if (earlier?.state === 'stale') {
      const last = session.replies.lastId;
      const wrong = refusal('BAD_MESSAGE', `i: expected an id above ${last}, the last one`);
      return this.#refuse(wrong, i, now);
    }
    if (waitMs > 0) return this.#refuse(tooFast(waitMs), i, now);
    if ('refused' in result) return this.#refuse(result.refused, i, now);
    return this.#handle(session, result.message, now);
  }

  #handle(session: Session, message: ClientMessage, now: number): void {
    switch (message.type) {
      case 'signal':
        return this.#reply(message.i, relaySignal(session, message, now), now);
      case 'data':
        return this.#reply(message.i, sendData(session, message), now);
      case 'attrs':
        return this.#reply(message.i, changeAttributes(session, message, now), now);
      case 'offer':
        return this.#answer(message.i, answerOffer(this.#service, session, message, now), now);
      case 'mute':
        return this.#reply(message.i, muteTrack(session, message, now), now);
      case 'subscribe':
        return this.#reply(message.i, subscribe(session, message), now);
      case 'mod':
        return this.#reply(message.i, moderate(this.#service, session, message, now), now);
      case 'simulate':
        return this.#simulate(session, message, now);
      case 'join':
        return this.#reply(message.i, refusal('BAD_MESSAGE', 'join: has joined already'), now);
      case 'ping': {
        const srvT = this.#service.clock.wall();
        return this.socket.send(JSON.stringify({ type: 'pong', t: message.t, srvT }));
      }
      case 'leave':
        this.socket.closeAfterLeave();
        if (message.backMs === undefined) session.end('LEFT');
        else this.#service.sessions.detach(session, this.socket, message.backMs);
        return session.room.feed.schedule();
    }
  }

  #reply(i: number, result: Refusal | typeof OK, now: number): void {
    if (result !== OK) return this.#refuse(result, i, now);
    return this.#sendReply(i, `{"type":"ok","re":${i}}`);
  }

  #answer(i: number, result: Refusal | SdpAnswer, now: number): void {
    if ('reason' in result) return this.#refuse(result, i, now);
    const message: AnswerMessage = { type: 'answer', re: i, ...result };
    return this.#sendReply(i, JSON.stringify(message));
  }

  /** Answered before it happens: it may be this WebSocket that goes, and nobody wants it twice. */
  #simulate(session: Session, message: SimulateMessage, now: number): void {
    const plan = simulateSelf(this.#service, session, message, now);
    if ('reason' in plan) return this.#refuse(plan, message.i, now);
    this.#reply(message.i, OK, now);
    return plan.run();
  }

  #sendReply(i: number, frame: string): void {
    this.session?.replies.add(i, frame);
    this.socket.send(frame);
  }

  /** Answers `error`, keeps it as the request's reply, and cuts a sender that keeps at it. */
  #refuse(why: Refusal, i: number | undefined, now: number): void {
    this.#service.counters.refused(why.reason);
    const frame = errorFrame(why, i);
    const replies = this.session?.replies;
    if (i !== undefined && replies?.find(i).state === 'new') replies.add(i, frame);
    this.socket.send(frame);
    if (!INNOCENT.has(why.reason)) this.#countViolation(why, now);
  }

  #countViolation(why: Refusal, now: number): void {
    const violations = this.session?.violations ?? this.#violations;
    if (violations.add(now) && this.socket.open) this.cut(why);
  }

  /** A fault of ours: one log line, one answer, this socket closed, the server goes on. */
  #fail(error: unknown, i: number | undefined): void {
    const who = this.session === null ? {} : names(this.session);
    this.#service.log.error('signaling.fault', { err: error, ...who });
    const why = refusal('INTERNAL', CODES.INTERNAL.summary);
    this.#refuse(why, i, this.#service.clock.monotonic());
    this.cut(why);
  }
}

function tooFast(waitMs: number): Refusal {
  return refusal('RATE_LIMITED', 'Too many messages or bytes in a second', waitMs);
}
