// A DTLS transport on a real UDP socket and the machine's clock, for peers that are programs of others.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { DtlsContext } from '../../../shared/native/dtls-context.ts';
import { DtlsEnd } from './dtls-end.ts';

const TICK_MS = 5;
const SETTLED_WITHIN_MS = 15_000;

export class DtlsSocket {
  readonly end: DtlsEnd;
  readonly #socket: Socket = createSocket('udp4');
  /** Sizes of what has been sent. */
  readonly sizes: number[] = [];
  #peerPort = 0;
  #clock: NodeJS.Timeout | undefined;

  constructor(context: DtlsContext, role: 'active' | 'passive') {
    this.end = new DtlsEnd(context, role);
    this.#socket.on('message', (datagram, { port }) => {
      this.#peerPort = port;
      this.end.receive(datagram, performance.now());
      this.#send();
    });
  }

  /** Starts the transport; the active role needs the peer's port on 127.0.0.1. Returns the own port. */
  async open(peerPort = 0): Promise<number> {
    this.#socket.bind(0, '127.0.0.1');
    await once(this.#socket, 'listening');
    this.#peerPort = peerPort;
    this.end.transport.start(performance.now());
    this.#send();
    this.#clock = setInterval(() => {
      const now = performance.now();
      if (now >= this.end.transport.nextTimeout()) this.end.transport.handleTimeout(now);
      this.#send();
    }, TICK_MS);
    return this.#socket.address().port;
  }

  #send(): void {
    for (const datagram of this.end.sent.splice(0)) {
      this.sizes.push(datagram.length);
      this.#socket.send(datagram, this.#peerPort, '127.0.0.1');
    }
  }

  /** Resolves when the condition holds. */
  async until(holds: (end: DtlsEnd) => boolean): Promise<void> {
    const deadline = performance.now() + SETTLED_WITHIN_MS;
    while (!holds(this.end)) {
      if (performance.now() > deadline) throw new Error(`still ${this.end.transport.state}`);
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
  }

  close(): void {
    this.end.transport.close();
    this.#send();
    clearInterval(this.#clock);
    this.#socket.close();
  }
}
