// Registers tests of the media server: on every engine, or where time is under the test's control.
/* oxlint-disable vitest/valid-title, vitest/expect-expect -- the callers write both */

import { describe, it } from 'vitest';
import { CoreNet, type MediaNet, RealNet } from './media-net.ts';
import { MediaWorld, type WorldOptions } from './media-world.ts';

type Nets = readonly (readonly [name: string, make: () => MediaNet])[];

const ENGINES: Nets = [
  ['portable', () => new RealNet('portable')],
  ...(process.platform === 'linux' ? [['linux', () => new RealNet('linux')] as const] : []),
];

const register =
  (nets: Nets) =>
  (title: string, body: (world: MediaWorld) => Promise<void>, options: WorldOptions = {}): void => {
    describe.each(nets)('%s', (_name, make) => {
      it(title, async () => inside(make(), options, body));
    });
  };

/** On the fake engine and on the real ones. */
export const onNets = register([['core', () => new CoreNet()], ...ENGINES]);

/** On the real ones, with their sockets and clock. */
export const onEngines = register(ENGINES);

export function onCore(
  title: string,
  body: (world: MediaWorld<CoreNet>) => Promise<void>,
  options: WorldOptions = {},
): void {
  it(title, async () => inside(new CoreNet(), options, body));
}

/** A test that has failed says so itself: what it leaves open is no news then. */
async function inside<Net extends MediaNet>(
  net: Net,
  options: WorldOptions,
  body: (world: MediaWorld<Net>) => Promise<void>,
): Promise<void> {
  const world = await MediaWorld.open(net, options);
  try {
    await body(world);
  } catch (error) {
    await world.close().catch(() => undefined);
    throw error;
  }
  await world.close();
}
