// Clients of a core world behind a listener that the engine has no socket of, as those of TCP are: the test is who has
// their connections.

import type { TransportAddress } from '../../../shared/net/transport-address.ts';
import type { ClientSink, Listener } from '../../../turn/index.ts';
import type { CoreWorld } from './core-world.ts';
import type { Datagram } from './fake-engine.ts';
import { address, type Endpoint } from './world.ts';

export class Streams implements ClientSink {
  readonly address: TransportAddress = address('127.0.0.1', 3480);
  readonly #world: CoreWorld;
  readonly #listener: Listener;
  readonly #inboxes = new Map<string, Datagram[]>();

  constructor(world: CoreWorld) {
    this.#world = world;
    this.#listener = world.server.admit('tcp', this.address, this);
  }

  /** Allocations of these clients. */
  get allocations(): number {
    return this.#listener.allocations.size;
  }

  /** Those that are to move to these clients. */
  get arriving(): number {
    return this.#listener.arriving.size;
  }

  /** A connection from that port of the client. */
  connect(port: number): Endpoint {
    const own = address('127.0.0.1', port);
    const inbox: Datagram[] = [];
    this.#inboxes.set(own.toString(), inbox);
    const { server, engine } = this.#world;
    return {
      address: own,
      send: (bytes) =>
        server.receive(this.#listener, own.copy(), bytes.slice(), 0, bytes.length, engine.now),
      receive: () => {
        engine.run();
        const message = inbox.shift();
        return message === undefined
          ? Promise.reject(new Error(`nothing came to ${own.toString()}`))
          : Promise.resolve(message);
      },
      rest: () => {
        engine.run();
        return Promise.resolve(inbox.splice(0));
      },
    };
  }

  disconnect({ address: own }: Endpoint): void {
    this.#inboxes.delete(own.toString());
    this.#world.server.disconnected(this.#listener, own.copy());
  }

  send(to: TransportAddress, bytes: Uint8Array, offset: number, length: number): void {
    this.#deliver(to, Buffer.from(bytes.slice(offset, offset + length)));
  }

  sendPrefixed(
    to: TransportAddress,
    prefix: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    const header = Buffer.alloc(4);
    header.writeUInt32BE(prefix >>> 0);
    this.#deliver(to, Buffer.concat([header, bytes.slice(offset, offset + length)]));
  }

  sendHeaded(
    to: TransportAddress,
    header: Uint8Array,
    headerLength: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    padding: 0 | 1 | 2 | 3,
  ): void {
    const payload = bytes.slice(offset, offset + length);
    const whole = [header.slice(0, headerLength), payload, Buffer.alloc(padding)];
    this.#deliver(to, Buffer.concat(whole));
  }

  #deliver(to: TransportAddress, bytes: Buffer): void {
    this.#inboxes.get(to.toString())?.push({ from: this.address, bytes });
  }
}
