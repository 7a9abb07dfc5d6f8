// The TURN core on a real engine: real UDP over loopback, real time. The Linux engine takes its turns from the event
// loop of the test instead of blocking a thread.

import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../../shared/clock.ts';
import { LinuxEngine } from '../../../shared/net/linux-engine.ts';
import { PortableEngine } from '../../../shared/net/portable-engine.ts';
import type { AddressFamily, TransportAddress } from '../../../shared/net/transport-address.ts';
import { Wake } from '../../../shared/net/wake.ts';
import { TurnServer } from '../../../turn/index.ts';
import { pump } from '../net/pump.ts';
import { Leftovers } from './leftovers.ts';
import { freePort } from '../free-ports.ts';
import { type UdpEndpoint, udpEndpoint } from './udp-endpoint.ts';
import {
  address,
  discoveryListeners,
  type Endpoint,
  RecordedEvents,
  turnOptions,
  type World,
  type WorldOptions,
} from './world.ts';

/** A wildcard socket for each family, or one for both. */
export type Wildcard = 'each' | 'both';

/** Turns of the event loop without traffic after which nothing is on its way over loopback. */
const QUIET_TURNS = 3;

export class UdpWorld implements World {
  readonly server: TurnServer;
  readonly options: World['options'];
  readonly events = new RecordedEvents();
  readonly listener4: TransportAddress = address('127.0.0.1');
  readonly listener6: TransportAddress = address('::1');
  readonly engine: PortableEngine | LinuxEngine;
  readonly #stop: () => void;
  readonly #endpoints: UdpEndpoint[] = [];
  readonly #leftovers: Leftovers;
  readonly #faults: unknown[] = [];

  private constructor(kind: 'portable' | 'linux', overrides: WorldOptions) {
    this.options = turnOptions(overrides);
    this.#leftovers = new Leftovers(this.options);
    const options = {
      now: () => systemClock.monotonic(),
      onFault: (error: unknown) => this.#faults.push(error),
    };
    if (kind === 'portable') {
      this.engine = new PortableEngine(options);
      this.#stop = () => undefined;
    } else {
      const wake = new Wake();
      const engine = new LinuxEngine(options, wake.fd);
      this.engine = engine;
      this.#stop = pump(engine, wake);
    }
    this.server = new TurnServer(this.options, this.engine, this.events);
  }

  /**
   * @param wildcard whether it listens at every address of the machine, by a socket for each family or by one for both,
   *   and not at the two of the world alone
   * @param overrides of `natDiscovery` the hosts count, of IPv4; the ports are any that are free
   */
  static async open(
    kind: 'portable' | 'linux',
    overrides: WorldOptions = {},
    wildcard?: Wildcard,
  ): Promise<UdpWorld> {
    const options = await onFreePorts(overrides);
    const world = new UdpWorld(kind, options);
    if (options.natDiscovery !== undefined) world.listener4.set(options.natDiscovery.primary);
    return new Promise((resolve, reject) => {
      const { listener4, listener6 } = world;
      const listeners = (
        wildcard === undefined
          ? [listener4, listener6, ...discoveryListeners(options)]
          : [...(wildcard === 'each' ? [address('0.0.0.0')] : []), address('::')]
      ).map((at) => ({ address: at, dualStack: wildcard === 'both' }));
      world.server.listen(listeners, (results) => {
        for (const { address: own } of results.slice(0, 2)) {
          (own.family === 4 ? world.listener4 : world.listener6).port = own.port;
        }
        if (wildcard === 'both') world.listener4.port = world.listener6.port;
        const failed = results.find(({ failure }) => failure !== undefined);
        if (failed === undefined) resolve(world);
        else reject(new Error(`${failed.address.toString()}: ${failed.failure}`));
      });
    });
  }

  get canSetDontFragment(): boolean {
    return this.engine.canSetDontFragment;
  }

  get counters(): World['counters'] {
    return this.engine.counters;
  }

  async endpoint(family: AddressFamily = 4): Promise<Endpoint> {
    const endpoint = await udpEndpoint(family, () => this.settle());
    this.#endpoints.push(endpoint);
    return endpoint;
  }

  async settle(): Promise<void> {
    let before = -1;
    for (let quiet = 0; quiet < QUIET_TURNS;) {
      const { received, sent, sendDropped } = this.counters;
      const arrived = this.#endpoints.reduce((sum, endpoint) => sum + endpoint.received, 0);
      const now = received + sent + sendDropped + arrived;
      quiet = now === before ? quiet + 1 : 0;
      before = now;
      // oxlint-disable-next-line eslint/no-await-in-loop -- each turn of the loop reads what came
      await sleep(2);
    }
  }

  async close(): Promise<void> {
    this.server.close();
    await this.settle();
    for (const endpoint of this.#endpoints) endpoint.close();
    const { sockets } = this.counters;
    this.#stop();
    if (sockets !== 0) throw new Error(`${sockets} sockets are left after close`);
    if (this.#faults.length > 0) throw this.#faults[0];
    this.#leftovers.check();
  }
}

async function onFreePorts(options: WorldOptions): Promise<WorldOptions> {
  const { natDiscovery } = options;
  if (natDiscovery === undefined) return options;
  const [primary, alternate] = [natDiscovery.primary.copy(), natDiscovery.alternate.copy()];
  const hosts = [primary.host, alternate.host];
  primary.port = await freePort(hosts);
  do {
    // oxlint-disable-next-line eslint/no-await-in-loop -- until there are two
    alternate.port = await freePort(hosts);
  } while (alternate.port === primary.port);
  return { ...options, natDiscovery: { primary, alternate } };
}
