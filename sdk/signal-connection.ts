// The signaling WebSocket of one participant: join, resume after a loss, rejoin when the session is over,
// requests with answers, deduplicated pushes. Knows nothing of media; room.ts is its sink. RFC 6455 close
// codes, sterna.v1 messages.

import { SUBPROTOCOL } from '../signaling/codes.ts';
import type {
  AnswerMessage,
  ErrorMessage,
  JoinMessage,
  JoinedMessage,
  PushMessage,
  SpeakersMessage,
} from '../signaling/protocol.ts';
import { reconnectDelayMs } from './backoff.ts';
import { LOST, endingOfClose, endingOfRefusal, finalError } from './ending.ts';
import type { Ending } from './ending.ts';
import { SternaClientError } from './errors.ts';
import { Heartbeat } from './heartbeat.ts';
import {
  ATTEMPT_TIMEOUT_MS,
  IN_FLIGHT_MAX,
  PENDING_BYTES_MAX,
  PENDING_REQUESTS_MAX,
  RATE_LIMITED_PAUSE_MS,
  RATE_LIMITED_RETRIES_MAX,
  STABLE_AFTER_MS,
} from './limits.ts';
import type { SessionMark } from './page-stay.ts';
import { RequestLedger } from './request-ledger.ts';
import type { RequestBody } from './request-ledger.ts';
import { SendPacer } from './send-pacer.ts';
import { decodeServerMessage } from './server-message.ts';
import { SignalSession } from './signal-session.ts';
import type { JoinedHow } from './signal-session.ts';
import type { WebSocketLike } from './web-socket-like.ts';

export interface SignalSink {
  onSocketOpen(): void;
  onJoinSent(): void;
  onJoined(message: JoinedMessage, how: JoinedHow): void;
  onPush(message: PushMessage): void;
  onSpeakers(message: SpeakersMessage): void;
  /** The socket is lost and will be tried again in `delayMs`. */
  onAway(detail: { reason: Ending['reason']; attempt: number; delayMs: number }): void;
  /** For good; null after `close()`. */
  onClosed(error: SternaClientError | null): void;
}

export type JoinOffer = Pick<JoinMessage, 'offer' | 'tracks' | 'want'>;

export interface SignalOptions {
  url: string;
  /** Asked for every join that is not a resume. */
  token: (signal: AbortSignal) => Promise<string>;
  /** Asked before the first join: the session of the page before this one, if there is one to go on with. */
  findSession?: (signal: AbortSignal) => Promise<SessionMark | null>;
  /** A token asked for again may be a newer one, so TOKEN_EXPIRED is worth another join. */
  tokenRenews: boolean;
  reconnectForMs: number;
  /** What goes into each `join` beside token and session. */
  joinBody: () => Pick<JoinMessage, 'client' | 'caps' | 'attrs' | 'meta'>;
  /** What goes into each `join` with a token; made while the socket opens. Never rejects. */
  joinOffer: (token: string) => Promise<JoinOffer>;
  openSocket: (url: string, protocol: string) => WebSocketLike;
  now: () => number;
  random: () => number;
}

const SOCKET_OPEN = 1;

export class SignalConnection {
  readonly #options: SignalOptions;
  readonly #sink: SignalSink;
  readonly #ledger = new RequestLedger({
    requestsMax: PENDING_REQUESTS_MAX,
    bytesMax: PENDING_BYTES_MAX,
    inFlightMax: IN_FLIGHT_MAX,
  });
  readonly #session = new SignalSession();
  readonly #heartbeat: Heartbeat;
  readonly #abort = new AbortController();
  #socket: WebSocketLike | null = null;
  #pacer: SendPacer | null = null;
  /** The id of the `join` that waits for its answer; 0 = none. */
  #joinId = 0;
  #joined = false;
  #closed = false;
  #attempt = 0;
  #joinedAtMs = 0;
  #lostAtMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: SignalOptions, sink: SignalSink) {
    this.#options = options;
    this.#sink = sink;
    this.#heartbeat = new Heartbeat(options.now, {
      send: (ping) => this.#write(JSON.stringify(ping)),
      onSilence: () => this.#lose(LOST),
    });
  }

  /** True while `joined` holds and the socket is up. */
  get connected(): boolean {
    return this.#joined;
  }

  /** The server's clock minus ours, milliseconds; 0 until the first pong. */
  get clockOffsetMs(): number {
    return this.#heartbeat.clockOffsetMs;
  }

  start(): void {
    this.#lostAtMs = this.#options.now();
    this.#connect();
  }

  /**
   * Resolves when the server has answered, with the `answer` to an offer; waits through a lost socket. Rejects
   * with SternaClientError.
   */
  request(body: RequestBody): Promise<AnswerMessage | undefined> {
    if (this.#closed) return Promise.reject(new SternaClientError('CLOSED'));
    return new Promise((resolve, reject) => {
      if (this.#ledger.add(body, resolve, reject)) this.#flush();
      else reject(new SternaClientError('OVERLOADED'));
    });
  }

  /** Drops the socket and resumes at once: brings fresh ICE servers, or finds out after a network change. */
  renew(): void {
    if (this.#joined) this.#lose(LOST, { quiet: true });
    else if (!this.#closed && !this.#socket) this.#connect();
  }

  /** The network may have changed: finds out quickly whether the socket still lives. */
  probe(): void {
    if (this.#joined) this.#heartbeat.probe();
    else this.renew();
  }

  /** Says goodbye and closes; idempotent. */
  close(reason: string): void {
    if (this.#joined) this.#write(JSON.stringify({ type: 'leave', reason: reason.slice(0, 256) }));
    this.#finish(null);
  }

  /** Leaves, and says when it will be back; null: there is no session to come back to. */
  pause(backMs: number): SessionMark | null {
    if (this.#joined) this.#write(JSON.stringify({ type: 'leave', backMs }));
    this.#joined = false;
    this.#lostAtMs = this.#options.now();
    this.#dropSocket();
    return this.#session.mark();
  }

  /** Goes on after `pause`, with the session if that is still ours. */
  wake(isOurs: boolean): void {
    if (!isOurs) this.#session.drop();
    this.renew();
  }

  #connect(): void {
    clearTimeout(this.#timer);
    let socket: WebSocketLike;
    try {
      socket = this.#options.openSocket(this.#options.url, SUBPROTOCOL);
    } catch (cause) {
      this.#finish(new SternaClientError('UNREACHABLE', undefined, { cause }));
      return;
    }
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#lose(LOST), ATTEMPT_TIMEOUT_MS);
    const credentials = this.#session.isHeld ? Promise.resolve({}) : this.#credentials();
    credentials.catch(() => undefined);
    const current = (): boolean => this.#socket === socket;
    socket.addEventListener('open', () => {
      if (!current()) return;
      this.#sink.onSocketOpen();
      credentials.then(
        (given) => current() && this.#sendJoin(given),
        (cause: unknown) => current() && this.#tokenFailed(cause),
      );
    });
    socket.addEventListener('message', (event) => {
      if (current()) this.#onText(event.data);
    });
    socket.addEventListener('close', (event) => {
      if (current()) this.#lose(endingOfClose(event.code, event.reason));
    });
    // `close` always follows and carries the code.
    socket.addEventListener('error', () => undefined);
  }

  /** Fetched and made while the socket opens, so that neither costs a round trip. */
  async #credentials(): Promise<JoinOffer & { token?: string }> {
    const { everJoined } = this.#session;
    const mark = everJoined ? null : await this.#options.findSession?.(this.#abort.signal);
    if (mark) {
      this.#session.adopt(mark);
      return {};
    }
    const token = await this.#options.token(this.#abort.signal);
    return { token, ...(await this.#options.joinOffer(token)) };
  }

  #sendJoin(given: JoinOffer & { token?: string }): void {
    this.#joinId = this.#ledger.nextId();
    const join: JoinMessage = {
      type: 'join',
      i: this.#joinId,
      ...this.#session.resumption(),
      ...this.#options.joinBody(),
      ...given,
    };
    this.#write(JSON.stringify(join));
    this.#sink.onJoinSent();
  }

  #tokenFailed(cause: unknown): void {
    const error = new SternaClientError('TOKEN_UNAVAILABLE', undefined, { cause });
    if (!this.#session.everJoined) this.#finish(error);
    else this.#lose({ reason: 'UNREACHABLE', action: 'rejoin' });
  }

  #onText(data: unknown): void {
    const message = decodeServerMessage(data);
    if (!message) return;
    this.#heartbeat.heard();
    switch (message.type) {
      case 'joined':
        this.#onJoined(message);
        break;
      case 'people':
      case 'room':
      case 'bind':
      case 'need':
      case 'route':
      case 'subs':
      case 'layers':
      case 'media':
      case 'signal':
      case 'data':
        if (this.#joined && this.#session.accept(message.s)) this.#sink.onPush(message);
        break;
      case 'speakers':
        if (this.#joined) this.#sink.onSpeakers(message);
        break;
      case 'ok':
        this.#ledger.settle(message.re)?.resolve();
        this.#flush();
        break;
      case 'answer':
        this.#ledger.settle(message.re)?.resolve(message);
        this.#flush();
        break;
      case 'error':
        this.#onError(message);
        break;
      case 'pong':
        this.#heartbeat.onPong(message.t, message.srvT);
        break;
      case 'bye':
        this.#lose(endingOfRefusal(message));
        break;
    }
  }

  #onJoined(message: JoinedMessage): void {
    if (message.re !== this.#joinId) return;
    this.#joinId = 0;
    clearTimeout(this.#timer);
    const how = this.#session.onJoined(message);
    if (how !== 'resumed' && how !== 'lost') {
      this.#pacer = new SendPacer(message.limits, this.#options.now());
    }
    this.#ledger.markUnsent();
    if (how === 'rejoined') this.#abandonRequests();
    this.#joined = true;
    this.#joinedAtMs = this.#options.now();
    this.#heartbeat.start(message.ping);
    this.#sink.onJoined(message, how);
    this.#flush();
  }

  /** The old session took its requests along; attributes travelled in the new `join`. */
  #abandonRequests(): void {
    for (const request of this.#ledger.drain()) {
      if (request.body.type === 'attrs') request.resolve();
      else request.reject(new SternaClientError('SESSION_GONE'));
    }
  }

  #onError(message: ErrorMessage): void {
    if (message.re === undefined) return;
    if (message.re === this.#joinId) {
      // What follows is in the reason, whether or not a `bye` comes too.
      const ending = endingOfRefusal(message);
      // Whatever is wrong with a session of another page, a token may still let us in.
      const isOver = this.#session.isOfAnotherPage && ending.action !== 'resume';
      this.#lose(isOver ? { ...ending, action: 'rejoin' } : ending);
      return;
    }
    const request = this.#ledger.get(message.re);
    if (!request) return;
    if (message.reason === 'RATE_LIMITED' && request.refusals < RATE_LIMITED_RETRIES_MAX) {
      this.#ledger.postpone(request);
      this.#pacer?.pause(message.retryAfterMs ?? RATE_LIMITED_PAUSE_MS, this.#options.now());
      this.#flush();
      return;
    }
    this.#ledger.settle(message.re)?.reject(SternaClientError.fromRefusal(message));
    this.#flush();
  }

  /** The one place where a socket ends that was not closed by `close()`. */
  #lose(ending: Ending, options: { quiet?: boolean } = {}): void {
    if (this.#closed) return;
    const now = this.#options.now();
    this.#dropSocket();
    if (this.#joined) {
      this.#joined = false;
      this.#lostAtMs = now;
      if (now - this.#joinedAtMs >= STABLE_AFTER_MS) this.#attempt = 0;
    }
    const { reconnectForMs, tokenRenews, random } = this.#options;
    const error = finalError(ending, {
      everJoined: this.#session.everJoined,
      attempts: this.#attempt + 1,
      lostForMs: now - this.#lostAtMs,
      reconnectForMs,
      tokenRenews,
    });
    if (error) {
      this.#finish(error);
      return;
    }
    if (ending.action === 'rejoin') this.#session.drop();
    const delayMs = Math.max(ending.afterMs ?? 0, reconnectDelayMs(this.#attempt, random));
    this.#attempt += 1;
    if (!options.quiet) {
      this.#sink.onAway({ reason: ending.reason, attempt: this.#attempt, delayMs });
    }
    // The sink may have closed us.
    if (!this.#isClosed()) this.#timer = setTimeout(() => this.#connect(), delayMs);
  }

  #isClosed(): boolean {
    return this.#closed;
  }

  #dropSocket(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    this.#heartbeat.stop();
    this.#joinId = 0;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
  }

  #finish(error: SternaClientError | null): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#joined = false;
    this.#dropSocket();
    this.#abort.abort(new SternaClientError('CLOSED'));
    this.#session.drop();
    const refusal = error ?? new SternaClientError('CLOSED');
    for (const request of this.#ledger.drain()) request.reject(refusal);
    this.#sink.onClosed(error);
  }

  #flush(): void {
    if (this.#flushTimer !== undefined) return;
    while (this.#joined) {
      const request = this.#ledger.nextUnsent();
      if (!request) return;
      const waitMs = this.#pacer?.take(request.text.length, this.#options.now()) ?? 0;
      if (waitMs > 0) {
        this.#flushTimer = setTimeout(() => {
          this.#flushTimer = undefined;
          this.#flush();
        }, waitMs);
        return;
      }
      request.sent = true;
      this.#write(request.text);
    }
  }

  #write(text: string): void {
    if (this.#socket?.readyState === SOCKET_OPEN) this.#socket.send(text);
  }
}
