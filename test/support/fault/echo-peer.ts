// A peer behind relays that sends back what it gets, and counts it.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Endpoint } from '../e2e/sterna.ts';

export class EchoPeer {
  readonly address: Endpoint;
  received = 0;
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const { address: host, port: bound } = socket.address();
    this.address = { host, port: bound };
    socket.on('message', (bytes, { address, port }) => {
      this.received++;
      socket.send(bytes, port, address);
    });
  }

  static async open(host = '127.0.0.1'): Promise<EchoPeer> {
    const socket = createSocket('udp4');
    socket.bind(0, host);
    await once(socket, 'listening');
    socket.setRecvBufferSize(4 << 20);
    return new EchoPeer(socket);
  }

  close(): void {
    this.#socket.close();
  }
}
