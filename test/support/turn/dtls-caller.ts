// A client behind DTLS: an endpoint of the test whose messages go through OpenSSL's client side. Datagrams can be seen
// and bent on their way, so that a test may play a network or a liar.

import { DtlsContext } from '../../../shared/native/dtls-context.ts';
import { DtlsSession } from '../../../shared/native/dtls-session.ts';
import type { TransportAddress } from '../../../shared/net/transport-address.ts';
import { createDtlsCertificate } from '../../../sfu/dtls/certificate.ts';
import type { Datagram } from './fake-engine.ts';
import type { Endpoint } from './world.ts';

const { certificate, privateKey } = createDtlsCertificate(Date.now());

/** Of all callers of a test file: it ends with its thread. */
const context = new DtlsContext({
  certificate,
  privateKey,
  datagramBytesMax: 1200,
  retransmitMs: 1000,
});

const RECORD_HEADER_BYTES = 13;

export class DtlsCaller implements Endpoint {
  readonly endpoint: Endpoint;
  readonly server: TransportAddress;
  readonly session = new DtlsSession(context, 'client');
  /** What it has sent and got, in order. */
  readonly sent: Buffer[] = [];
  readonly got: Buffer[] = [];
  connected = false;
  /** The server has said close_notify. */
  closed = false;
  readonly #inbox: Datagram[] = [];

  constructor(endpoint: Endpoint, server: TransportAddress) {
    this.endpoint = endpoint;
    this.server = server;
  }

  get address(): TransportAddress {
    return this.endpoint.address;
  }

  /** Goes on with the handshake and returns what it wants to send. */
  step(): Buffer[] {
    const step = this.session.handshake();
    if (step === 'failed') throw new Error(this.session.failure);
    this.connected = step === 'done';
    return this.#flushed();
  }

  /** Takes a datagram of the server in, and returns what it answers. */
  take(datagram: Uint8Array): Buffer[] {
    this.got.push(Buffer.from(datagram));
    const out: Buffer[] = [];
    for (let at = 0; at < datagram.length;) {
      const record =
        RECORD_HEADER_BYTES + ((datagram[at + 11] ?? 0) << 8) + (datagram[at + 12] ?? 0);
      this.session.put(datagram, at, Math.min(record, datagram.length - at));
      if (this.connected) this.#read();
      else out.push(...this.step());
      at += record;
    }
    return out;
  }

  /** The first two flights of the client: its ClientHello, and the one with the cookie that came back. */
  async hello(): Promise<{ first: Buffer; verify: Buffer; second: Buffer }> {
    const [first] = this.step();
    this.transmit(first!);
    const { bytes: verify } = await this.endpoint.receive();
    const [second] = this.take(verify);
    return { first: first!, verify, second: second! };
  }

  async connect(): Promise<this> {
    for (const datagram of this.step()) this.transmit(datagram);
    return this.finish();
  }

  /** The rest of a handshake whose last flight is on its way. */
  async finish(): Promise<this> {
    while (!this.connected) {
      // oxlint-disable-next-line eslint/no-await-in-loop -- one flight after the other
      const { bytes } = await this.endpoint.receive();
      for (const datagram of this.take(bytes)) this.transmit(datagram);
    }
    return this;
  }

  transmit(datagram: Buffer): void {
    this.sent.push(datagram);
    this.endpoint.send(datagram, this.server);
  }

  /** A message through the session. */
  send(bytes: Uint8Array): void {
    for (const datagram of this.sealed(bytes)) this.transmit(datagram);
  }

  /** The datagram that a message would go in. */
  sealed(bytes: Uint8Array): Buffer[] {
    context.plaintext.bytes.set(bytes);
    if (!this.session.write(bytes.length)) throw new Error('the session is over');
    return this.#flushed();
  }

  async receive(): Promise<Datagram> {
    for (;;) {
      const message = this.#inbox.shift();
      if (message !== undefined) return message;
      // oxlint-disable-next-line eslint/no-await-in-loop -- until a message comes
      for (const answer of this.take((await this.endpoint.receive()).bytes)) this.transmit(answer);
    }
  }

  async rest(): Promise<Datagram[]> {
    for (const { bytes } of await this.endpoint.rest()) this.take(bytes);
    return this.#inbox.splice(0);
  }

  /** Says close_notify. */
  hangUp(): void {
    this.session.shutdown();
    for (const datagram of this.#flushed()) this.transmit(datagram);
  }

  free(): void {
    this.session.free();
  }

  #read(): void {
    for (let length = this.session.read(); length > 0; length = this.session.read()) {
      const bytes = Buffer.from(context.input.bytes.subarray(0, length));
      this.#inbox.push({ from: this.server, bytes });
    }
    if (this.session.step === 'closed') this.closed = true;
  }

  #flushed(): Buffer[] {
    const datagrams: Buffer[] = [];
    this.session.flush({
      send: (bytes, offset, length) =>
        datagrams.push(Buffer.from(bytes.subarray(offset, offset + length))),
    });
    return datagrams;
  }
}
