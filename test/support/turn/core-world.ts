// The TURN core on the fake engine: time, sockets and addresses are what the test says.

import type { Clock } from '../../../shared/clock.ts';
import {
  type AddressFamily,
  type TransportAddress,
} from '../../../shared/net/transport-address.ts';
import { TurnServer } from '../../../turn/index.ts';
import { type Datagram, FakeEngine } from './fake-engine.ts';
import { Leftovers } from './leftovers.ts';
import {
  address,
  discoveryListeners,
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
  readonly listener4: TransportAddress;
  readonly listener6: TransportAddress;
  wallMs = WALL_START_MS;
  readonly #leftovers: Leftovers;
  #nextPort: number;

  /** @param beside the world of another worker: engine, and with it time, are common to both */
  constructor(overrides: WorldOptions = {}, beside?: CoreWorld) {
    const engine = beside?.engine ?? new FakeEngine(overrides.canSetDontFragment ?? false);
    const port = beside === undefined ? 3478 : 3479;
    this.listener4 = address('127.0.0.1', port);
    this.listener6 = address('::1', port);
    this.#nextPort = beside === undefined ? 30_000 : 40_000;
    const clock: Clock = { monotonic: () => engine.now, wall: () => this.wallMs };
    this.engine = engine;
    this.options = turnOptions({ clock, ...overrides });
    this.#leftovers = new Leftovers(this.options);
    this.server = new TurnServer(this.options, engine, this.events);
    const listeners = [this.listener4, this.listener6, ...discoveryListeners(this.options)].map(
      (at) => ({ address: at }),
    );
    this.server.listen(listeners, (results) => {
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

  /** Moves both clocks, and fires no timer: nothing may depend on one. */
  advance(ms: number): void {
    this.engine.now += ms;
    this.wallMs += ms;
  }

  sweep(): void {
    const { timers, now } = this.engine;
    do timers.advance(now);
    while (timers.nextIn(now, 1) === 0);
    this.engine.run();
  }

  settle(): Promise<void> {
    this.engine.run();
    return Promise.resolve();
  }

  // oxlint-disable-next-line typescript/require-await -- as on the other engines, it rejects and never throws
  async close(): Promise<void> {
    this.server.close();
    this.engine.holdOpens = false;
    this.engine.run();
    const sockets = this.engine.counters.sockets + this.engine.parked;
    if (sockets !== 0) throw new Error(`${sockets} sockets are left after close`);
    this.#leftovers.check();
  }
}
