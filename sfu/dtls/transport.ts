// DTLS-SRTP with one participant (RFC 5764, RFC 8827 s6.5), without I/O: a handshake, then keys for SRTP, then silence
// until one side closes. Either role. Nothing is given out before the peer's certificate has matched a fingerprint.
// The caller passes datagrams of ICE-validated addresses alone (first byte 20-63, RFC 7983); they may still be hostile.
// Allocates: an OpenSSL session at the first datagram or at `start`. Not on the way of media.

import type { DtlsContext } from '../../shared/native/dtls-context.ts';
import { INPUT_BYTES_MAX } from '../../shared/native/dtls-context.ts';
import {
  DtlsSession,
  RECORD_HEADER_BYTES,
  RECORD_LENGTH,
  type DatagramSink,
  type DtlsStep,
} from '../../shared/native/dtls-session.ts';
import {
  keyingMaterialBytes,
  splitKeyingMaterial,
  srtpProfile,
  type SrtpKeys,
} from '../srtp/profile.ts';
import { decisiveFingerprints, isAnnounced, type DtlsFingerprint } from './fingerprint.ts';
import { HANDSHAKE_BYTES_MAX, HANDSHAKE_DATAGRAMS_MAX, HANDSHAKE_MS_MAX } from './limits.ts';

export type DtlsCloseReason =
  /** The peer has sent close_notify. */
  | 'peer-closed'
  /** OpenSSL has given up: an alert of either side, no cipher in common, no certificate. */
  | 'handshake-failed'
  /** The peer had a fatal error after the handshake. */
  | 'failed'
  /** HANDSHAKE_MS_MAX went by. */
  | 'timeout'
  /** More came before the handshake was done than any handshake takes. */
  | 'flooded'
  | 'fingerprint-mismatch'
  | 'no-srtp-profile';

/** What a transport tells its owner. `close` may be called from any of them, other methods from none. */
export interface DtlsSink extends DatagramSink {
  /** Once, when the peer is who it claims to be. The keys are the owner's to wipe. */
  onConnected(keys: SrtpKeys): void;
  /** Once, unless the owner closes; the transport is free then. `detail` is for a log. */
  onClosed(reason: DtlsCloseReason, detail: string): void;
}

/** `new` until `start`; `verifying` while only the fingerprint is missing. */
export type DtlsState = 'new' | 'handshake' | 'verifying' | 'connected' | 'closed';

export class DtlsTransport {
  readonly #context: DtlsContext;
  readonly #role: 'active' | 'passive';
  readonly #sink: DtlsSink;
  #state: DtlsState = 'new';
  #session: DtlsSession | undefined;
  #fingerprints: readonly DtlsFingerprint[] = [];
  #datagrams = 0;
  #bytes = 0;
  #deadline = Infinity;
  #retransmitAt = Infinity;

  /** @param role as `a=setup` has it (RFC 5763 s5): the active side is the DTLS client */
  constructor(context: DtlsContext, role: 'active' | 'passive', sink: DtlsSink) {
    this.#context = context;
    this.#role = role;
    this.#sink = sink;
  }

  get state(): DtlsState {
    return this.#state;
  }

  /** By OpenSSL's name; null while there is no association. */
  get cipher(): string | null {
    return this.#state === 'connected' ? (this.#session?.cipher() ?? null) : null;
  }

  /**
   * What the peer's SDP announces, before the handshake is done or after: until then nothing is given out. False if no
   * fingerprint is of use, or too many came, or the transport has its answer already.
   */
  setRemoteFingerprints(announced: readonly DtlsFingerprint[]): boolean {
    if (this.#state === 'connected' || this.#state === 'closed') return false;
    const decisive = decisiveFingerprints(announced);
    if (decisive.length === 0) return false;
    this.#fingerprints = decisive;
    if (this.#state === 'verifying') this.#verify();
    return true;
  }

  /** Once, when ICE has an address: the active side sends its ClientHello, the passive one begins to wait for it. */
  start(now: number): void {
    if (this.#state !== 'new') return;
    this.#state = 'handshake';
    this.#deadline = now + HANDSHAKE_MS_MAX;
    if (this.#role === 'active') this.#handshake(now);
  }

  /** A datagram from the peer. What cannot be DTLS is ignored, and everything before `start` and after the end. */
  receive(bytes: Uint8Array, offset: number, length: number, now: number): void {
    if (this.#state === 'new' || this.#state === 'closed') return;
    if (length < RECORD_HEADER_BYTES || length > INPUT_BYTES_MAX) return;
    if (this.#state !== 'connected') {
      this.#datagrams++;
      this.#bytes += length;
      if (this.#datagrams > HANDSHAKE_DATAGRAMS_MAX || this.#bytes > HANDSHAKE_BYTES_MAX) {
        this.#end('flooded', `${this.#datagrams} datagrams, ${this.#bytes} bytes`);
        return;
      }
    }
    // Record by record: behind a message that it has had before OpenSSL loses the rest of a datagram.
    const end = offset + length;
    for (let at = offset; at < end && !this.#isClosed;) {
      const record = Math.min(recordBytes(bytes, at), end - at);
      this.#open().put(bytes, at, record);
      if (this.#state === 'handshake') this.#handshake(now);
      else this.#afterHandshake();
      at += record;
    }
  }

  /** When `handleTimeout` wants to be called, on the clock of `now`; Infinity for never. It changes with every call. */
  nextTimeout(): number {
    return Math.min(this.#deadline, this.#retransmitAt);
  }

  handleTimeout(now: number): void {
    if (now >= this.#deadline) {
      this.#end('timeout', `in state ${this.#state}`);
      return;
    }
    const session = this.#session;
    if (now < this.#retransmitAt || !session) return;
    const step = session.handleTimeout();
    session.flush(this.#sink);
    if (step === 'failed') this.#end('handshake-failed', session.failure);
    else this.#armTimer(now);
  }

  /** Says close_notify, if there is somebody to say it to, and frees. Idempotent; `onClosed` is not called. */
  close(): void {
    const session = this.#session;
    if (this.#state === 'verifying' || this.#state === 'connected') {
      session?.shutdown();
      // The sink may close again, while these last bytes go out.
      this.#state = 'closed';
      session?.flush(this.#sink);
    }
    this.#free();
  }

  get #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #open(): DtlsSession {
    this.#session ??= new DtlsSession(this.#context, this.#role === 'active' ? 'client' : 'server');
    return this.#session;
  }

  #handshake(now: number): void {
    const session = this.#open();
    const step = session.handshake();
    session.flush(this.#sink);
    if (this.#state !== 'handshake') return;
    if (step === 'again') {
      this.#armTimer(now);
      return;
    }
    if (step !== 'done') {
      this.#end('handshake-failed', session.failure);
      return;
    }
    this.#retransmitAt = Infinity;
    this.#state = 'verifying';
    this.#verify();
    this.#afterHandshake();
  }

  #armTimer(now: number): void {
    if (this.#state === 'handshake' && this.#session) {
      this.#retransmitAt = now + this.#session.timeoutMs();
    }
  }

  /** The one way to the keys. */
  #verify(): void {
    const session = this.#open();
    const profile = srtpProfile(session.srtpProfile());
    if (!profile) {
      this.#refuse('no-srtp-profile');
      return;
    }
    const [first] = this.#fingerprints;
    if (!first) return;
    const digest = session.peerCertificateDigest(first.hash);
    if (!digest || !isAnnounced(digest, this.#fingerprints)) {
      this.#refuse('fingerprint-mismatch');
      return;
    }
    const material = session.exportSrtpKeys(keyingMaterialBytes(profile));
    this.#state = 'connected';
    this.#deadline = Infinity;
    const isClient = this.#role === 'active';
    this.#sink.onConnected(splitKeyingMaterial(profile, material, isClient));
  }

  /** What comes now is a repeated Finished, which OpenSSL answers (RFC 6347 s4.2.4), an alert, or of no use yet. */
  #afterHandshake(): void {
    const session = this.#session;
    if (!session) return;
    let step: DtlsStep;
    do step = session.skip();
    while (step === 'done');
    if (step === 'closed') {
      session.shutdown();
      session.flush(this.#sink);
      this.#end('peer-closed', '');
      return;
    }
    session.flush(this.#sink);
    if (step === 'failed') this.#end('failed', session.failure);
  }

  /** OpenSSL sends no alert of the caller's choice, so the peer sees that we close. */
  #refuse(reason: DtlsCloseReason): void {
    this.#session?.shutdown();
    this.#session?.flush(this.#sink);
    this.#end(reason, '');
  }

  #end(reason: DtlsCloseReason, detail: string): void {
    if (this.#state === 'closed') return;
    this.#free();
    this.#sink.onClosed(reason, detail);
  }

  #free(): void {
    this.#state = 'closed';
    this.#deadline = Infinity;
    this.#retransmitAt = Infinity;
    this.#session?.free();
    this.#session = undefined;
  }
}

/** With its header, if that is there; more than there are bytes if it is not. */
function recordBytes(bytes: Uint8Array, offset: number): number {
  const length =
    ((bytes[offset + RECORD_LENGTH] ?? 0) << 8) | (bytes[offset + RECORD_LENGTH + 1] ?? 0);
  return RECORD_HEADER_BYTES + length;
}
