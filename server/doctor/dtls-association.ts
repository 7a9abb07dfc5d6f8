// The client's end of a DTLS association (RFC 6347), without I/O: takes datagrams in, and says which to send.
// Called by: the doctor's way to a DTLS listener. Not for the data path: it allocates as it likes.

import { X509Certificate } from 'node:crypto';
import {
  type DtlsContext,
  INPUT_BYTES_MAX,
  PLAINTEXT_BYTES_MAX,
} from '../../shared/native/dtls-context.ts';
import {
  DtlsSession,
  RECORD_HEADER_BYTES,
  RECORD_LENGTH,
} from '../../shared/native/dtls-session.ts';

export class DtlsAssociation {
  /** What the server has said and nobody has taken, a record each. */
  readonly messages: Buffer[] = [];
  /** The handshake is done. */
  connected = false;
  /** The server has said close_notify. */
  closed = false;
  readonly #context: DtlsContext;
  readonly #session: DtlsSession;

  constructor(context: DtlsContext) {
    this.#context = context;
    this.#session = new DtlsSession(context, 'client');
  }

  /** What the server has shown in the handshake; undefined before. */
  get certificate(): X509Certificate | undefined {
    const der = this.#session.peerCertificate();
    return der && new X509Certificate(der);
  }

  /** Milliseconds until `again` has something to do; Infinity when nothing waits for an answer. */
  get timeoutMs(): number {
    return this.#session.timeoutMs();
  }

  /** Goes on with the handshake. @throws Error where it has failed */
  step(): Buffer[] {
    const step = this.#session.handshake();
    if (step === 'failed') throw new Error(`DTLS: ${this.#session.failure}`);
    this.connected = step === 'done';
    return this.#flushed();
  }

  /** Sends the last flight again if it is time (RFC 6347 s4.2.4). */
  again(): Buffer[] {
    this.#session.handleTimeout();
    return this.#flushed();
  }

  /** Takes a datagram of the server in, record by record. @throws Error where the handshake has failed */
  take(datagram: Uint8Array): Buffer[] {
    const out: Buffer[] = [];
    if (datagram.length > INPUT_BYTES_MAX) return out;
    for (let at = 0; at < datagram.length;) {
      const length = at + RECORD_LENGTH;
      const record =
        RECORD_HEADER_BYTES + ((datagram[length] ?? 0) << 8) + (datagram[length + 1] ?? 0);
      this.#session.put(datagram, at, Math.min(record, datagram.length - at));
      if (this.connected) this.#read();
      else out.push(...this.step());
      at += record;
    }
    return out;
  }

  /** The datagrams that a message goes in. @throws Error where the session is over */
  seal(message: Uint8Array): Buffer[] {
    if (message.length > PLAINTEXT_BYTES_MAX) throw new RangeError('no record holds the message');
    this.#context.plaintext.bytes.set(message);
    if (!this.#session.write(message.length)) throw new Error('the DTLS session is over');
    return this.#flushed();
  }

  /** Says close_notify. */
  hangUp(): Buffer[] {
    this.#session.shutdown();
    return this.#flushed();
  }

  free(): void {
    this.#session.free();
  }

  #read(): void {
    const { input } = this.#context;
    for (let length = this.#session.read(); length > 0; length = this.#session.read()) {
      this.messages.push(Buffer.from(input.bytes.subarray(0, length)));
    }
    if (this.#session.step === 'closed') this.closed = true;
  }

  #flushed(): Buffer[] {
    const datagrams: Buffer[] = [];
    this.#session.flush({
      send: (bytes, offset, length) =>
        datagrams.push(Buffer.from(bytes.subarray(offset, offset + length))),
    });
    return datagrams;
  }
}
