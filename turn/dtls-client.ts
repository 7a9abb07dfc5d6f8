// One client behind DTLS, from the ClientHello whose cookie was good: its session in OpenSSL, the bounds of its
// handshake and its timer. Owns the session, and frees it once. Called by: the DTLS clients.
// Allocates: nothing per record once the handshake is done.

import type { DtlsContext } from '../shared/native/dtls-context.ts';
import { INPUT_BYTES_MAX } from '../shared/native/dtls-context.ts';
import { type DatagramSink, DtlsSession } from '../shared/native/dtls-session.ts';
import { Timer, type Timers } from '../shared/net/timer-wheel.ts';
import type { TransportAddress } from '../shared/net/transport-address.ts';
import {
  type ClientHello,
  COOKIE_BYTES,
  recordEpoch,
  recordSequence,
  renumberRecords,
  SEQUENCES,
} from './client-hello.ts';
import type { DtlsSource } from './dtls-sources.ts';
import {
  DTLS_EARLY_RECORDS_MAX,
  DTLS_HANDSHAKE_BYTES_MAX,
  DTLS_HANDSHAKE_MS_MAX,
  DTLS_HANDSHAKE_RECORDS_MAX,
  DTLS_IDLE_MS_MAX,
} from './limits.ts';

/** Why a session is over. */
export type DtlsEnd =
  /** The client has sent close_notify. */
  | 'closed'
  /** OpenSSL has given up: an alert of either side, no cipher in common. */
  | 'failed'
  | 'timeout'
  /** More came before the handshake was done than any handshake takes. */
  | 'flooded'
  /** Too many handshakes at the same time, and this one was the oldest. */
  | 'evicted'
  /** A new association of the same 5-tuple (RFC 6347 s4.2.8). */
  | 'replaced'
  | 'idle'
  /** The server closes. */
  | 'stopped';

/** Whose client it is. */
export interface DtlsClientOwner {
  readonly timers: Timers;
  /** A datagram to the client. The bytes are good until the call returns. */
  transmit(client: DtlsClient, bytes: Uint8Array, offset: number, length: number): void;
  onConnected(client: DtlsClient): void;
  /** What a record of the client had. The bytes are good until the call returns, which may end the client. */
  onMessage(client: DtlsClient, bytes: Uint8Array, length: number, now: number): void;
  /** Whether a silent client is still wanted. */
  isInUse(client: DtlsClient): boolean;
  /** Once. */
  onEnded(client: DtlsClient, reason: DtlsEnd): void;
}

export class DtlsClient implements DatagramSink {
  readonly address: TransportAddress;
  /** The number of what local address it came to. */
  readonly endpoint: number;
  readonly source: DtlsSource;
  readonly context: DtlsContext;
  readonly #owner: DtlsClientOwner;
  readonly #session: DtlsSession;
  readonly #cookie = new Uint8Array(COOKIE_BYTES);
  readonly #timer = new Timer((now) => this.#onTimer(now));
  readonly #deadline: number;
  readonly #helloSequence: number;
  /** What is added to the numbers of our records in the clear; -1 before the first. */
  #shift = -1;
  #connected = false;
  #ended = false;
  #heardAt: number;
  #records = 0;
  #bytes = 0;
  #early = 0;

  /** Throws where OpenSSL has no memory. `begin` follows, once the owner knows it. */
  constructor(
    owner: DtlsClientOwner,
    context: DtlsContext,
    endpoint: number,
    address: TransportAddress,
    source: DtlsSource,
    hello: ClientHello,
    now: number,
  ) {
    this.#owner = owner;
    this.context = context;
    this.endpoint = endpoint;
    this.address = address.copy();
    this.source = source;
    this.#cookie.set(hello.bytes.subarray(hello.cookieAt, hello.cookieAt + COOKIE_BYTES));
    this.#helloSequence = recordSequence(hello.bytes, hello.offset);
    this.#heardAt = now;
    this.#deadline = now + DTLS_HANDSHAKE_MS_MAX;
    this.#session = new DtlsSession(context, 'server');
  }

  get connected(): boolean {
    return this.#connected;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Whether that ClientHello, which has a cookie, is the one that it began with, sent again. */
  beganWith({ bytes, cookieAt, cookieLength }: ClientHello): boolean {
    if (cookieLength !== COOKIE_BYTES) return false;
    for (let i = 0; i < COOKIE_BYTES; i++) {
      if (this.#cookie[i] !== bytes[cookieAt + i]) return false;
    }
    return true;
  }

  /** With the record of the ClientHello, whose cookie was good. */
  begin(bytes: Uint8Array, offset: number, record: number, now: number): void {
    if (record > INPUT_BYTES_MAX) return this.#fail('failed');
    this.#records++;
    this.#bytes += record;
    this.#session.put(bytes, offset, record);
    if (this.#session.listen() === 'done') this.#handshake(now);
    else this.#fail('failed');
  }

  /** One more record, with its header. What OpenSSL does not understand it passes over. */
  receive(bytes: Uint8Array, offset: number, record: number, now: number): void {
    if (this.#ended || record > INPUT_BYTES_MAX) return;
    if (this.#connected) {
      this.#session.put(bytes, offset, record);
      this.#read(now);
    } else if (this.#takes(bytes, offset, record)) {
      this.#session.put(bytes, offset, record);
      this.#handshake(now);
    }
  }

  /** Sends what lies in `context.plaintext`; to nobody before the handshake is done. */
  write(length: number): void {
    if (!this.#connected || this.#ended) return;
    if (this.#session.write(length)) this.#session.flush(this);
    else this.#fail('failed');
  }

  /**
   * As `DatagramSink`, for the session. The first ServerHello has the record number of its ClientHello (RFC 6347
   * s4.2.1), so that it is none that a HelloVerifyRequest had: OpenSSL from 3.2 begins with 1 whatever that was.
   */
  send(bytes: Uint8Array, offset: number, length: number): void {
    if (this.#shift < 0) {
      const first = recordSequence(bytes, offset);
      this.#shift = (this.#helloSequence - first + SEQUENCES) % SEQUENCES;
    }
    if (this.#shift > 0) renumberRecords(bytes, offset, length, this.#shift);
    this.#owner.transmit(this, bytes, offset, length);
  }

  /** Says close_notify, if there is somebody to say it to. Idempotent. */
  close(reason: DtlsEnd): void {
    if (this.#ended) return;
    if (this.#connected) {
      this.#session.shutdown();
      this.#session.flush(this);
    }
    this.#fail(reason);
  }

  /** Without a word to a client that has forgotten it, or may not exist. Idempotent. */
  abandon(reason: DtlsEnd): void {
    this.#fail(reason);
  }

  #takes(bytes: Uint8Array, offset: number, record: number): boolean {
    if (recordEpoch(bytes, offset) !== 0) {
      this.#early++;
      if (this.#early > DTLS_EARLY_RECORDS_MAX) return false;
    }
    this.#records++;
    this.#bytes += record;
    if (this.#records <= DTLS_HANDSHAKE_RECORDS_MAX && this.#bytes <= DTLS_HANDSHAKE_BYTES_MAX) {
      return true;
    }
    this.#fail('flooded');
    return false;
  }

  #handshake(now: number): void {
    const session = this.#session;
    const step = session.handshake();
    session.flush(this);
    if (step === 'again') return this.#armRetransmission(now);
    if (step !== 'done') return this.#fail('failed');
    this.#connected = true;
    this.#heardAt = now;
    this.#owner.timers.schedule(this.#timer, now + DTLS_IDLE_MS_MAX);
    this.#owner.onConnected(this);
    this.#read(now);
  }

  #read(now: number): void {
    const session = this.#session;
    const { bytes } = this.context.input;
    for (let length = session.read(); length > 0; length = session.read()) {
      this.#heardAt = now;
      this.#owner.onMessage(this, bytes, length, now);
      if (this.#ended) return;
    }
    if (session.step === 'closed') return this.close('closed');
    // An alert, or the last flight again for a client that has missed it (RFC 6347 s4.2.4).
    session.flush(this);
    if (session.step === 'failed') this.#fail('failed');
  }

  #armRetransmission(now: number): void {
    const at = Math.min(this.#deadline, now + this.#session.timeoutMs());
    this.#owner.timers.schedule(this.#timer, at);
  }

  #onTimer(now: number): void {
    if (this.#connected) return this.#checkIdle(now);
    if (now >= this.#deadline) return this.#fail('timeout');
    const step = this.#session.handleTimeout();
    this.#session.flush(this);
    if (step === 'failed') this.#fail('failed');
    else this.#armRetransmission(now);
  }

  #checkIdle(now: number): void {
    const until = this.#heardAt + DTLS_IDLE_MS_MAX;
    if (now < until) this.#owner.timers.schedule(this.#timer, until);
    else if (this.#owner.isInUse(this)) {
      this.#owner.timers.schedule(this.#timer, now + DTLS_IDLE_MS_MAX);
    } else this.close('idle');
  }

  #fail(reason: DtlsEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#owner.timers.cancel(this.#timer);
    this.#session.free();
    this.#owner.onEnded(this, reason);
  }
}
