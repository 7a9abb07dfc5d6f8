// A Linux engine for tests: its turns are taken from the test's own event loop, its system calls can be replaced, and
// node:dgram sockets talk to it.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setImmediate as turnOfLoop } from 'node:timers/promises';
import type { OpenFailure, OpenOptions, SocketOwner } from '../../../shared/net/engine.ts';
import { LinuxEngine } from '../../../shared/net/linux-engine.ts';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import { Wake } from '../../../shared/net/wake.ts';
import { address } from '../turn/world.ts';
import { Seam } from './seam.ts';

/** Turns of the event loop after which what has not come does not come. */
const TURNS_MAX = 20_000;

export interface Received {
  readonly tag: number;
  readonly from: string;
  readonly text: string;
}

export interface Icmp {
  readonly peer: string;
  readonly type: number;
  readonly code: number;
}

export interface Peer {
  readonly socket: Socket;
  readonly address: TransportAddress;
  readonly got: string[];
}

/** Keeps what comes. */
export class Owner implements SocketOwner {
  readonly received: Received[] = [];
  readonly icmp: Icmp[] = [];
  readonly locals = new Map<number, TransportAddress>();
  readonly failures = new Map<number, OpenFailure>();
  onReceived: ((received: Received, from: TransportAddress) => void) | undefined = undefined;
  readonly #engine: LinuxEngine;

  constructor(engine: LinuxEngine) {
    this.#engine = engine;
  }

  onOpened(tag: number, local: TransportAddress, failure: OpenFailure | undefined): void {
    this.locals.set(tag, local);
    if (failure !== undefined) this.failures.set(tag, failure);
  }

  onDatagram(
    tag: number,
    from: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    const text = Buffer.from(bytes.subarray(offset, offset + length)).toString('latin1');
    const received = { tag, from: from.toString(), text };
    this.received.push(received);
    this.onReceived?.(received, from);
  }

  onIcmp(_tag: number, about: TransportAddress, type: number, code: number): void {
    this.icmp.push({ peer: about.toString(), type, code });
  }

  /** Opens a socket and waits for the answer. */
  open(
    tag: number,
    host = '127.0.0.1',
    port = 0,
    options: OpenOptions = {},
  ): { id: number; local: TransportAddress } {
    const id = this.#engine.open(address(host, port), this, tag, options);
    if (this.locals.has(tag)) throw new Error('answered before open had returned');
    this.#engine.turn(0, () => undefined);
    return { id, local: this.locals.get(tag)! };
  }
}

export class LinuxWorld {
  readonly seam: Seam;
  readonly engine: LinuxEngine;
  readonly faults: unknown[] = [];
  readonly #wake = new Wake();
  readonly #sockets: Socket[] = [];

  /** @param now the engine's clock */
  constructor(now: () => number = () => performance.now(), seam: Seam = new Seam()) {
    this.seam = seam;
    const onFault = (error: unknown): void => void this.faults.push(error);
    this.engine = new LinuxEngine({ now, onFault, libc: seam.libc }, this.#wake.fd);
  }

  owner(): Owner {
    return new Owner(this.engine);
  }

  turn(): void {
    this.engine.turn(0, () => undefined);
  }

  /** Turns until that holds; the loop of the test runs between, so that its own sockets are served. */
  async until(holds: () => boolean): Promise<void> {
    for (let n = 0; n < TURNS_MAX && !holds(); n++) {
      this.turn();
      // oxlint-disable-next-line eslint/no-await-in-loop -- each turn of the loop reads what came
      await turnOfLoop();
    }
    if (!holds()) throw new Error('it never came to that');
  }

  /** A socket that keeps what it gets. */
  async peer(host = '127.0.0.1'): Promise<Peer> {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    this.#sockets.push(socket);
    socket.bind(0, host);
    await once(socket, 'listening');
    socket.setRecvBufferSize(4 << 20);
    const got: string[] = [];
    socket.on('message', (bytes) => got.push(bytes.toString('latin1')));
    return { socket, address: address(host, socket.address().port), got };
  }

  /** A transport address that nobody listens at, and where somebody did a moment ago. */
  async gone(): Promise<TransportAddress> {
    const { socket, address: left } = await this.peer();
    this.#sockets.pop();
    socket.close();
    await once(socket, 'close');
    return left;
  }

  /** Throws what went wrong inside the engine. */
  close(): void {
    for (const socket of this.#sockets) socket.close();
    this.engine.free();
    this.#wake.close();
    if (this.faults.length > 0) throw this.faults[0];
  }
}
