// The TURN core on the fake engine: time, sockets and addresses are what the test says.

import type { Clock } from '../../../shared/clock.ts';
import {
  type AddressFamily,
  type TransportAddress,
} from '../../../shared/net/transport-address.ts';
import { TurnServer } from '../../../turn/index.ts';
import { type Datagram, FakeEngine } from './fake-engine.ts';
import {
  address,
  type Endpoint,
  RecordedEvents,
  turnOptions,
  type World,
  type WorldOptions,
} from './world.ts';

/** 2027-01-15: what the wall clock of every core world begins with. */
export const WALL_START_MS = 1_800_000_000_000;

export class CoreWorld implements World {
  readonly engine: FakeEngine;
  readonly options: World['options'];
  readonly server: TurnServer;
  readonly events = new RecordedEvents();
  readonly listener4: TransportAddress = address('127.0.0.1', 3478);
  readonly listener6: TransportAddress = address('::1', 3478);
  wallMs = WALL_START_MS;
  #nextPort = 30_000;

  constructor(overrides: WorldOptions = {}) {
    const engine = new FakeEngine(overrides.canSetDontFragment ?? false);
    const clock: Clock = { monotonic: () => engine.now, wall: () => this.wallMs };
    this.engine = engine;
    this.options = turnOptions({ clock, ...overrides });
    this.server = new TurnServer(this.options, engine, this.events);
    this.server.listen([this.listener4, this.listener6], (results) => {
      if (results.some(({ failure }) => failure !== undefined)) throw new Error('no listeners');
    });
    engine.run();
  }

  get canSetDontFragment(): boolean {
    return this.engine.canSetDontFragment;
  }

  get counters(): World['counters'] {
    return this.engine.counters;
  }

  endpoint(family: AddressFamily = 4): Promise<Endpoint> {
    return Promise.resolve(this.endpointAt(family === 4 ? '127.0.0.1' : '::1'));
  }

  /** A client or peer at any address. */
  endpointAt(host: string, port: number = this.#nextPort++): Endpoint {
    const { engine } = this;
    const own = address(host, port);
    const inbox = engine.inbox(own);
    return {
      address: own,
      send: (bytes, to) => engine.inject(own, to, bytes),
      receive: () => {
        engine.run();
        const datagram = inbox.shift();
        return datagram === undefined
          ? Promise.reject(new Error(`nothing came to ${own.toString()}`))
          : Promise.resolve(datagram);
      },
      rest: () => {
        engine.run();
        return Promise.resolve<Datagram[]>(inbox.splice(0));
      },
    };
  }

  /** Moves both clocks, without a sweep: nothing may depend on one. */
  advance(ms: number): void {
    this.engine.now += ms;
    this.wallMs += ms;
  }

  sweep(): void {
    this.server.sweep(this.engine.now);
    this.engine.run();
  }

  settle(): Promise<void> {
    this.engine.run();
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.server.close();
    this.engine.holdOpens = false;
    this.engine.run();
    const { sockets } = this.engine.counters;
    return sockets === 0
      ? Promise.resolve()
      : Promise.reject(new Error(`${sockets} sockets are left after close`));
  }
}
