// What a media server under test stands on: the fake engine, where time is a number, or a real one over loopback.

import { setTimeout as sleep } from 'node:timers/promises';
import { Arena } from '../../../shared/native/arena.ts';
import type { Engine } from '../../../shared/net/engine.ts';
import { LinuxEngine } from '../../../shared/net/linux-engine.ts';
import { PortableEngine } from '../../../shared/net/portable-engine.ts';
import type { TransportAddress } from '../../../shared/net/transport-address.ts';
import { Wake } from '../../../shared/net/wake.ts';
import { pump } from '../net/pump.ts';
import { FakeEngine } from '../turn/fake-engine.ts';
import { type UdpEndpoint, udpEndpoint } from '../turn/udp-endpoint.ts';
import { address } from '../turn/world.ts';

/** A UDP socket of a peer. */
export interface Wire {
  readonly address: TransportAddress;
  send(bytes: Uint8Array, to: TransportAddress): void;
  /** All that has come since, of what had been on its way when `settle` resolved. */
  take(): Promise<Uint8Array[]>;
}

export interface MediaNet {
  readonly engine: Engine;
  now(): number;
  wire(): Promise<Wire>;
  /** Waits until nothing is on its way. */
  settle(): Promise<void>;
  /** Throws what went wrong inside the engine. */
  close(): void;
}

/** Turns of the event loop without traffic after which nothing is on its way over loopback. */
const QUIET_TURNS = 3;

const FIRST_PORT = 40_000;

export class CoreNet implements MediaNet {
  readonly engine: FakeEngine = new FakeEngine();
  #nextPort = FIRST_PORT;

  now(): number {
    return this.engine.now;
  }

  /** Lets time go by, and the timers that are due. */
  pass(ms: number): void {
    this.engine.now += ms;
    this.engine.timers.advance(this.engine.now);
    this.engine.run();
  }

  wire(): Promise<Wire> {
    const { engine } = this;
    const own = address('127.0.0.1', this.#nextPort);
    this.#nextPort = this.#nextPort < 60_000 ? this.#nextPort + 1 : FIRST_PORT;
    return Promise.resolve({
      address: own,
      send: (bytes, to) => engine.inject(own, to, bytes),
      take: () => {
        engine.run();
        return Promise.resolve(
          engine
            .inbox(own)
            .splice(0)
            .map(({ bytes }) => bytes),
        );
      },
    });
  }

  settle(): Promise<void> {
    this.engine.run();
    return Promise.resolve();
  }

  close(): void {
    this.engine.run();
    const { sockets } = this.engine.counters;
    if (sockets !== 0) throw new Error(`${sockets} sockets are left after close`);
  }
}

export class RealNet implements MediaNet {
  readonly engine: Engine;
  readonly #stop: () => void;
  readonly #faults: unknown[] = [];
  readonly #endpoints: UdpEndpoint[] = [];

  readonly now: () => number;

  /** @param now the clock of the engine and of its core */
  constructor(kind: 'portable' | 'linux', now: () => number = () => performance.now()) {
    this.now = now;
    const onFault = (error: unknown): void => void this.#faults.push(error);
    if (kind === 'portable') {
      const outgoing = new Arena(65_536);
      this.engine = new PortableEngine({ now, onFault, outgoing });
      this.#stop = () => outgoing.free();
    } else {
      const wake = new Wake();
      const engine = new LinuxEngine({ now, onFault }, wake.fd);
      this.engine = engine;
      this.#stop = pump(engine, wake);
    }
  }

  async wire(): Promise<Wire> {
    const endpoint = await udpEndpoint(4, () => this.settle());
    this.#endpoints.push(endpoint);
    return {
      address: endpoint.address,
      send: (bytes, to) => endpoint.send(bytes, to),
      take: async () => (await endpoint.rest()).map(({ bytes }) => bytes),
    };
  }

  async settle(): Promise<void> {
    let before = -1;
    for (let quiet = 0; quiet < QUIET_TURNS;) {
      const { received, sent, sendDropped } = this.engine.counters;
      const arrived = this.#endpoints.reduce((sum, endpoint) => sum + endpoint.received, 0);
      const now = received + sent + sendDropped + arrived;
      quiet = now === before ? quiet + 1 : 0;
      before = now;
      await sleep(1);
    }
  }

  close(): void {
    for (const endpoint of this.#endpoints) endpoint.close();
    const { sockets } = this.engine.counters;
    this.#stop();
    if (sockets !== 0) throw new Error(`${sockets} sockets are left after close`);
    if (this.#faults.length > 0) throw this.#faults[0];
  }
}
