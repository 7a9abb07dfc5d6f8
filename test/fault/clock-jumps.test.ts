// The wall clock jumps, as when it is set or a virtual machine wakes up: allocations, permissions, channels and nonces
// go by another clock and do not notice; credentials that say until when they are good go by the wall clock.
/* oxlint-disable vitest/no-standalone-expect -- onCore is a test */

import { expect } from 'vitest';
import { mintRestCredential } from '../../turn/index.ts';
import { TurnClient } from '../support/turn/client.ts';
import { onCore } from '../support/turn/drivers.ts';
import { inTurn } from '../support/turn/in-turn.ts';

const SECRET = 'shared secret';
const DAY_MS = 86_400_000;
const CHANNEL = 0x4001;

onCore(
  'the wall clock goes days ahead and back: what there is goes on, to the millisecond of its lifetime',
  async (world) => {
    const peer = await world.endpoint();
    const client = await TurnClient.of(world);
    await client.allocate();
    await client.bind(CHANNEL, peer.address);
    await inTurn([3 * DAY_MS, -7 * DAY_MS, 365 * DAY_MS, -400 * DAY_MS], async (jump) => {
      world.wallMs += jump;
      world.sweep();
      client.sendChannel(CHANNEL, Buffer.from('still here'));
      expect((await peer.receive()).bytes.toString()).toBe('still here');
      expect((await client.refresh(600)).outcome).toBe('success');
    });
    world.wallMs += DAY_MS;
    world.advance(599_999);
    expect(world.server.stats().allocations).toBe(1);
    expect((await client.refresh()).outcome).toBe('success');
    world.wallMs -= DAY_MS;
    world.advance(600_000);
    world.sweep();
    expect(world.server.stats().allocations).toBe(0);
  },
);

onCore(
  'a credential is over when the wall clock has passed its end, and good again when that was a mistake',
  async (world) => {
    const { username, credential } = mintRestCredential(SECRET, 'ann', world.wallMs / 1000 + 3600);
    const options = { username, password: credential, flavour: 'legacy' } as const;
    const first = await TurnClient.of(world, options);
    await first.allocate();
    world.wallMs += DAY_MS;
    // The call that goes on is not cut off.
    expect((await first.refresh(600)).outcome).toBe('success');
    const second = await TurnClient.of(world, options);
    await expect(second.allocate()).rejects.toThrow('Allocate: 401');
    world.wallMs -= DAY_MS;
    await second.allocate();
    expect(world.server.stats().allocations).toBe(2);
  },
  { secrets: [SECRET] },
);
