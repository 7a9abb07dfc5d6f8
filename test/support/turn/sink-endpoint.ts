// A client that is not behind a socket of the engine: a listener of `TurnServer.admit`, and its way back, as whoever
// has its connection would be.

import type { ClientTransport, Listener } from '../../../turn/index.ts';
import type { Datagram } from './fake-engine.ts';
import { address, type Endpoint, type World } from './world.ts';

export class SinkEndpoint implements Endpoint {
  readonly address = address('203.0.113.9', 40_000);
  readonly server = address('127.0.0.1', 5349);
  readonly #world: World;
  readonly #listener: Listener;
  readonly #inbox: Datagram[] = [];

  constructor(world: World, transport: ClientTransport, port = 40_000) {
    this.#world = world;
    this.address.port = port;
    const take = (...parts: Uint8Array[]): void => {
      this.#inbox.push({ from: this.server, bytes: Buffer.concat(parts) });
    };
    this.#listener = world.server.admit(transport, this.server, {
      send: (_to, bytes, offset, length) => take(bytes.subarray(offset, offset + length)),
      sendPrefixed: (_to, prefix, bytes, offset, length) => {
        const header = Buffer.alloc(4);
        header.writeUInt32BE(prefix >>> 0);
        take(header, bytes.subarray(offset, offset + length));
      },
      sendHeaded: (_to, header, headerLength, bytes, offset, length, padding) =>
        take(
          header.subarray(0, headerLength),
          bytes.subarray(offset, offset + length),
          Buffer.alloc(padding),
        ),
    });
  }

  send(bytes: Uint8Array): void {
    const now = this.#world.options.clock.monotonic();
    this.#world.server.receive(this.#listener, this.address, bytes, 0, bytes.length, now);
  }

  async receive(): Promise<Datagram> {
    await this.#world.settle();
    const datagram = this.#inbox.shift();
    if (datagram === undefined) throw new Error('nothing came to the client');
    return datagram;
  }

  async rest(): Promise<Datagram[]> {
    await this.#world.settle();
    return this.#inbox.splice(0);
  }

  /** Its connection ends. */
  disconnect(): void {
    this.#world.server.disconnected(this.#listener, this.address);
  }
}
