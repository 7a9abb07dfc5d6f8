// A way to a STUN server over DTLS 1.2 (RFC 7350) for the doctor: OpenSSL's client side, one message a record. Loaded
// where OpenSSL can be called alone. Called by: openChannel.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv4 } from 'node:net';
import { systemClock } from '../../shared/clock.ts';
import type { ListenerUrl } from '../../shared/config/network-values.ts';
import { DtlsContext } from '../../shared/native/dtls-context.ts';
import { createDtlsCertificate } from '../../sfu/dtls/certificate.ts';
import { DtlsAssociation } from './dtls-association.ts';
import type { StunChannel } from './stun-channel.ts';

/** More than a Binding gets: a busy server may let a second pass before it answers (`turn.limits`). */
const HANDSHAKE_MS = 3000;
const RETRANSMIT_MS = 250;
const DATAGRAM_BYTES_MAX = 1200;

/** Rejects where nobody is there. `onMessage` gets whatever comes, whole. */
export async function openDtlsChannel(
  { host, port }: Omit<ListenerUrl, 'transport'>,
  onMessage: (bytes: Buffer) => void,
): Promise<StunChannel> {
  const socket = createSocket(isIPv4(host) ? 'udp4' : 'udp6');
  // An ICMP "port unreachable" shows as an error; the time-out tells the story.
  socket.on('error', () => {});
  const channel = new DtlsChannel(socket, onMessage);
  try {
    const connected = once(socket, 'connect');
    socket.connect(port, host);
    await connected;
    await channel.handshake();
    return channel;
  } catch (error) {
    channel.close();
    throw error;
  }
}

class DtlsChannel implements StunChannel {
  readonly #socket: Socket;
  readonly #onMessage: (bytes: Buffer) => void;
  readonly #context: DtlsContext;
  readonly #association: DtlsAssociation;
  #again: NodeJS.Timeout | undefined;

  constructor(socket: Socket, onMessage: (bytes: Buffer) => void) {
    // A client shows it to nobody: a context of OpenSSL has one.
    const { certificate, privateKey } = createDtlsCertificate(systemClock.wall());
    this.#context = new DtlsContext({
      certificate,
      privateKey,
      datagramBytesMax: DATAGRAM_BYTES_MAX,
      retransmitMs: RETRANSMIT_MS,
    });
    this.#association = new DtlsAssociation(this.#context);
    this.#socket = socket;
    this.#onMessage = onMessage;
  }

  get certificate(): StunChannel['certificate'] {
    return this.#association.certificate;
  }

  handshake(): Promise<void> {
    const association = this.#association;
    return new Promise((resolve, reject) => {
      const giveUp = setTimeout(() => reject(new Error('no answer')), HANDSHAKE_MS);
      const attempt = (step: () => Buffer[]): void => {
        clearTimeout(this.#again);
        try {
          this.#transmit(step());
        } catch (error) {
          clearTimeout(giveUp);
          reject(error instanceof Error ? error : new Error(String(error)));
          return;
        }
        if (association.connected) {
          clearTimeout(giveUp);
          resolve();
        } else this.#again = setTimeout(() => attempt(() => association.again()), this.#waitMs());
        for (const message of association.messages.splice(0)) this.#onMessage(message);
      };
      this.#socket.on('message', (datagram) => attempt(() => association.take(datagram)));
      attempt(() => association.step());
    });
  }

  /** Whoever waits for an answer is told by the time-out that the server has ended the session. */
  send(message: Uint8Array): void {
    if (!this.#association.closed) this.#transmit(this.#association.seal(message));
  }

  close(): void {
    clearTimeout(this.#again);
    this.#socket.removeAllListeners('message');
    if (this.#association.connected) this.#transmit(this.#association.hangUp());
    this.#association.free();
    this.#context.free();
    this.#socket.close();
  }

  #waitMs(): number {
    return Math.min(HANDSHAKE_MS, this.#association.timeoutMs);
  }

  #transmit(datagrams: readonly Buffer[]): void {
    for (const datagram of datagrams) this.#socket.send(datagram, () => {});
  }
}
