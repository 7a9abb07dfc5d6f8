// A Linux engine whose system calls a test can make fail, sockets of it, and plain UDP sockets to send to.
// The engine takes its turns from the event loop of the test instead of blocking a thread.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setImmediate as turnOfLoop } from 'node:timers/promises';
import { libc } from '../../../shared/native/libc.ts';
import type { OpenFailure, SocketOwner } from '../../../shared/net/engine.ts';
import { LinuxEngine } from '../../../shared/net/linux-engine.ts';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import { Wake } from '../../../shared/net/wake.ts';
import { Seam } from '../net/seam.ts';

/** Turns in which nothing happens until a test gives up. */
const TURNS_MAX = 20_000;

/** A UDP socket of node:dgram that keeps what comes. */
export interface Sink {
  readonly address: TransportAddress;
  readonly got: string[];
  /** Idempotent. */
  close(): void;
}

/** A socket of the engine. */
export class EngineSocket implements SocketOwner {
  readonly id: number;
  readonly received: string[] = [];
  local: TransportAddress | undefined;
  failure: OpenFailure | undefined;
  icmp = 0;
  readonly #engine: LinuxEngine;

  constructor(engine: LinuxEngine) {
    this.#engine = engine;
    this.id = engine.open(loopback(0), this, 0);
  }

  onOpened(_tag: number, local: TransportAddress, failure: OpenFailure | undefined): void {
    this.local = local;
    this.failure = failure;
  }

  onDatagram(
    _tag: number,
    _from: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    this.received.push(Buffer.from(bytes.subarray(offset, offset + length)).toString('latin1'));
  }

  onIcmp(): void {
    this.icmp++;
  }

  /** Sends a text as one datagram. */
  send(to: TransportAddress, text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    this.#engine.send(this.id, to, bytes, 0, bytes.length);
  }

  /** As `send`, with a ChannelData header. */
  sendPrefixed(to: TransportAddress, text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    this.#engine.sendPrefixed(this.id, to, 0x4000_0000 + bytes.length, bytes, 0, bytes.length);
  }
}

export class EngineBench {
  readonly seam = new Seam();
  readonly engine: LinuxEngine;
  readonly #wake = new Wake();
  readonly #sinks: Sink[] = [];
  readonly #faults: unknown[] = [];

  constructor() {
    this.engine = new LinuxEngine(
      {
        now: () => performance.now(),
        onFault: (error) => this.#faults.push(error),
        libc: this.seam.libc,
      },
      this.#wake.fd,
    );
  }

  /** An engine socket on loopback whose opening was answered. */
  socket(): EngineSocket {
    const socket = new EngineSocket(this.engine);
    this.turn();
    if (socket.local === undefined) throw new Error('open was not answered');
    return socket;
  }

  async sink(): Promise<Sink> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    socket.setRecvBufferSize(4 << 20);
    const got: string[] = [];
    socket.on('message', (bytes) => got.push(bytes.toString('latin1')));
    let open = true;
    const close = (): void => {
      if (open) socket.close();
      open = false;
    };
    const sink = { got, close, address: loopback(socket.address().port) };
    this.#sinks.push(sink);
    return sink;
  }

  /** Makes the sends of a socket fail while `errno` gives one that is not 0; returns what counts its sends. */
  failSends(socket: EngineSocket, errno: () => number): { tries: number } {
    const kernel = libc();
    const count = { tries: 0 };
    const fails = (fd: number): boolean => {
      if (fd === socket.id) count.tries++;
      return fd === socket.id && errno() !== 0;
    };
    const { seam } = this;
    seam.calls.sendmmsg = (fd, ...rest) =>
      fails(fd) ? seam.fail(errno()) : kernel.sendmmsg(fd, ...rest);
    seam.calls.sendto = (fd, ...rest) =>
      fails(fd) ? seam.fail(errno()) : kernel.sendto(fd, ...rest);
    return count;
  }

  turn(waitMs = 0): void {
    this.engine.turn(waitMs, () => undefined);
  }

  /** Turns until that holds; fails when it never does. The event loop runs between, so that sinks receive. */
  async until(holds: () => boolean): Promise<void> {
    for (let n = 0; n < TURNS_MAX; n++) {
      if (holds()) return;
      this.turn(n % 64 === 63 ? 1 : 0);
      await turnOfLoop();
    }
    throw new Error('it never came to hold');
  }

  /** Turns until nothing moves any more. */
  async settle(): Promise<void> {
    const { counters } = this.engine;
    let before = -1;
    for (let quiet = 0; quiet < 20;) {
      const got = this.#sinks.reduce((sum, sink) => sum + sink.got.length, 0);
      const now = counters.sent + counters.sendDropped + counters.received + got;
      quiet = now === before ? quiet + 1 : 0;
      before = now;
      this.turn(1);
      await turnOfLoop();
    }
  }

  /** What handlers have thrown; `close` does not mind it any more. */
  takeFaults(): unknown[] {
    return this.#faults.splice(0);
  }

  /** Gives everything back; throws what a handler threw. */
  close(): void {
    this.seam.calls = {};
    for (const sink of this.#sinks) sink.close();
    this.engine.free();
    this.#wake.close();
    if (this.#faults.length > 0) throw this.#faults[0];
  }
}

function loopback(port: number): TransportAddress {
  return new TransportAddress().setV4(0x7f00_0001, port);
}
