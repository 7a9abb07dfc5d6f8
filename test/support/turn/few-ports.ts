// Clients whose allocations share a relay port.

import type { AddressFamily } from '../../../shared/net/transport-address.ts';
import { type Allocated, FAMILY_6, TurnClient } from './client.ts';
import { inTurn, upTo } from './in-turn.ts';
import type { World, WorldOptions } from './world.ts';

/** Every allocation at the same port. */
export const ONE: WorldOptions = { sharedPorts: 1 };

export interface Guest extends Allocated {
  readonly client: TurnClient;
}

/** Clients with an allocation each, one after the other. */
export function allocated(
  world: World,
  count: number,
  family: AddressFamily = 4,
): Promise<Guest[]> {
  return inTurn(upTo(count), async () => {
    const client = await TurnClient.of(world);
    return { client, ...(await client.allocate(...(family === 6 ? [FAMILY_6] : []))) };
  });
}

/** Two at one port, Ann first. */
export async function annAndBob(world: World) {
  const [ann, bob] = await allocated(world, 2);
  return { ann: ann!.client, bob: bob!.client, relayed: ann!.relayed };
}
