// Registers protocol tests: `onEveryTransport` runs one on every engine and behind TCP, `onBoth` on every engine,
// `onCore` where time or sockets are under the test's control.
/* oxlint-disable vitest/valid-title, vitest/expect-expect -- the callers write both */

import { describe, it } from 'vitest';
import { CoreWorld } from './core-world.ts';
import { StreamWorld } from './stream-world.ts';
import type { TcpScene } from './tcp-scene.ts';
import { TcpSocketsWorld } from './tcp-sockets-world.ts';
import { TcpWorld } from './tcp-world.ts';
import { UdpWorld, type Wildcard } from './udp-world.ts';
import type { World, WorldOptions } from './world.ts';

interface Driver {
  readonly name: string;
  open(options: WorldOptions): Promise<World>;
}

const onLinux = process.platform === 'linux';
const ENGINES = onLinux ? (['portable', 'linux'] as const) : (['portable'] as const);

const DRIVERS: readonly Driver[] = [
  { name: 'core', open: (options) => Promise.resolve(new CoreWorld(options)) },
  ...ENGINES.map((kind) => ({
    name: kind,
    open: (options: WorldOptions) => UdpWorld.open(kind, options),
  })),
];

const STREAM: Driver = {
  name: 'stream',
  open: (options) => Promise.resolve(new StreamWorld(options)),
};

export function onBoth(
  title: string,
  body: (world: World) => Promise<void>,
  options: WorldOptions = {},
): void {
  for (const driver of DRIVERS) register(driver, title, body, options);
}

/** As `onBoth`, and with clients behind TCP: for what does not depend on datagrams between client and server. */
export function onEveryTransport(
  title: string,
  body: (world: World) => Promise<void>,
  options: WorldOptions = {},
): void {
  for (const driver of [...DRIVERS, STREAM]) register(driver, title, body, options);
}

/** With clients behind TCP alone. */
export function onStream(
  title: string,
  body: (world: StreamWorld) => Promise<void>,
  options: WorldOptions = {},
): void {
  it(title, async () => inside(new StreamWorld(options), body));
}

/** With clients behind TCP, and peers of TCP relays (RFC 6062), on every engine. */
export function onTcp(
  title: string,
  body: (world: TcpScene) => Promise<void>,
  options: WorldOptions = {},
): void {
  onTcpCore(title, body, options);
  for (const kind of ENGINES) {
    describe(kind, () => {
      it(title, async () => inside(await TcpSocketsWorld.open(kind, options), body));
    });
  }
}

/** As `onTcp`, where time or peers are under the test's control. */
export function onTcpCore(
  title: string,
  body: (world: TcpWorld) => Promise<void>,
  options: WorldOptions = {},
): void {
  describe('core', () => {
    it(title, async () => inside(new TcpWorld(options), body));
  });
}

function register(
  driver: Driver,
  title: string,
  body: (world: World) => Promise<void>,
  options: WorldOptions,
): void {
  // No other system answers at all of 127.0.0.0/8.
  const isOnReal = driver.name === 'portable' || driver.name === 'linux';
  if (options.natDiscovery !== undefined && isOnReal && !onLinux) return;
  describe(driver.name, () => {
    it(title, async () => inside(await driver.open(options), body));
  });
}

export function onCore(
  title: string,
  body: (world: CoreWorld) => Promise<void>,
  options: WorldOptions = {},
): void {
  it(title, async () => inside(new CoreWorld(options), body));
}

/** On wildcard listeners; they answer from where they were asked on the Linux engine alone. */
export function onWildcard(
  body: (world: World) => Promise<void>,
  wildcard: Wildcard = 'each',
): () => Promise<void> {
  return async () => inside(await UdpWorld.open('linux', {}, wildcard), body);
}

async function inside<W extends World>(world: W, body: (world: W) => Promise<void>): Promise<void> {
  try {
    await body(world);
  } catch (error) {
    await world.close().catch(() => undefined);
    throw error;
  }
  await world.close();
}
