// A client behind DTLS: an endpoint of the test whose messages go through the doctor's client side. Datagrams can be
// seen and bent on their way, so that a test may play a network or a liar.

import type { X509Certificate } from 'node:crypto';
import { DtlsAssociation } from '../../../server/doctor/dtls-association.ts';
import { DtlsContext } from '../../../shared/native/dtls-context.ts';
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

export class DtlsCaller implements Endpoint {
  readonly endpoint: Endpoint;
  readonly server: TransportAddress;
  /** What it has sent and got, in order. */
  readonly sent: Buffer[] = [];
  readonly got: Buffer[] = [];
  readonly #association = new DtlsAssociation(context);

  constructor(endpoint: Endpoint, server: TransportAddress) {
    this.endpoint = endpoint;
    this.server = server;
  }

  get address(): TransportAddress {
    return this.endpoint.address;
  }

  get connected(): boolean {
    return this.#association.connected;
  }

  /** The server has said close_notify. */
  get closed(): boolean {
    return this.#association.closed;
  }

  /** What the server has shown. */
  get certificate(): X509Certificate | undefined {
    return this.#association.certificate;
  }

  /** Goes on with the handshake and returns what it wants to send. */
  step(): Buffer[] {
    return this.#association.step();
  }

  /** Takes a datagram of the server in, and returns what it answers. */
  take(datagram: Uint8Array): Buffer[] {
    this.got.push(Buffer.from(datagram));
    return this.#association.take(datagram);
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
    return this.#association.seal(bytes);
  }

  async receive(): Promise<Datagram> {
    for (;;) {
      const bytes = this.#association.messages.shift();
      if (bytes !== undefined) return { from: this.server, bytes };
      // oxlint-disable-next-line eslint/no-await-in-loop -- until a message comes
      for (const answer of this.take((await this.endpoint.receive()).bytes)) this.transmit(answer);
    }
  }

  async rest(): Promise<Datagram[]> {
    for (const { bytes } of await this.endpoint.rest()) this.take(bytes);
    const messages = this.#association.messages.splice(0);
    return messages.map((bytes) => ({ from: this.server, bytes }));
  }

  /** Says close_notify. */
  hangUp(): void {
    for (const datagram of this.#association.hangUp()) this.transmit(datagram);
  }

  free(): void {
    this.#association.free();
  }
}
