// Registers tests of the media server: `onNets` runs one on every engine, `onCore` where time is under its control.
/* oxlint-disable vitest/valid-title, vitest/expect-expect -- the callers write both */

import { describe, it } from 'vitest';
import { CoreNet, type MediaNet, RealNet } from './media-net.ts';
import { MediaWorld, type WorldOptions } from './media-world.ts';

const NETS: readonly (readonly [name: string, make: () => MediaNet])[] = [
  ['core', () => new CoreNet()],
  ['portable', () => new RealNet('portable')],
  ...(process.platform === 'linux' ? [['linux', () => new RealNet('linux')] as const] : []),
];

export function onNets(
  title: string,
  body: (world: MediaWorld) => Promise<void>,
  options: WorldOptions = {},
): void {
  describe.each(NETS)('%s', (_name, make) => {
    it(title, async () => inside(make(), options, body));
  });
}

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
