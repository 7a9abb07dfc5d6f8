// A transport connects over a path that loses, repeats and reorders checks and DTLS flights, by the engine's own
// timers. OpenSSL reads the machine's clock for its retransmissions, so time is real here.
/* oxlint-disable vitest/no-standalone-expect -- onNets, onEngines and onCore are tests */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect } from 'vitest';
import { CERTIFICATE_B, contextOf } from '../../support/sfu/dtls-end.ts';
import { onEngines } from '../../support/sfu/media-drivers.ts';
import { MediaPeer } from '../../support/sfu/media-peer.ts';
import type { MediaWorld } from '../../support/sfu/media-world.ts';
import { FUZZ_SEED } from '../../support/fuzz.ts';
import { Chance } from '../../support/turn/fuzz.ts';
import { exchangeMedia } from './transport-media.ts';

/** Small datagrams, so that a flight has many; and little patience, so that the test has not to wait. */
const CHANGES = { datagramBytesMax: 300, retransmitMs: 20 };
/** The path is clean behind these, so that every run has an end. */
const DISTURBED = 16;
const ROUNDS_MAX = 2000;
const RUNS = 3;

const clients = contextOf(CERTIFICATE_B, CHANGES);
afterAll(() => clients.free());

/** Disturbs what goes either way. */
function disturb(peer: MediaPeer, chance: Chance): void {
  let count = 0;
  peer.copies = () => (count++ < DISTURBED ? chance.pick([0, 0, 1, 1, 1, 2]) : 1);
  peer.reorder = (datagrams) => {
    if (count >= DISTURBED) return;
    for (let i = datagrams.length - 1; i > 0; i--) {
      const j = chance.below(i + 1);
      [datagrams[i], datagrams[j]] = [datagrams[j], datagrams[i]];
    }
  };
}

async function connect(
  world: MediaWorld,
  setup: 'active' | 'passive',
  seed: number,
): Promise<void> {
  const peer = await new MediaPeer(world, clients, { setup }).open();
  disturb(peer, new Chance(seed));
  for (let round = 0; peer.observer.heard.length === 0 || peer.dtls.keys.length === 0; round++) {
    if (round === ROUNDS_MAX) throw new Error('it never connected');
    if (peer.answers.length === 0) peer.check({ nominate: true });
    else if (setup === 'passive') peer.startDtls();
    peer.dtls.transport.handleTimeout(world.now());
    peer.flush();
    await peer.carry();
    await sleep(1);
  }
  peer.copies = () => 1;
  peer.reorder = () => undefined;
  await peer.settle();
  expect(peer.observer.heard).toEqual(['connected']);
  await exchangeMedia(peer, 1);
}

for (const setup of ['passive', 'active'] as const) {
  onEngines(
    `${setup} in DTLS, connects over a bad path (seed ${FUZZ_SEED})`,
    async (world) => {
      for (let run = 0; run < RUNS; run++) {
        await connect(world, setup, FUZZ_SEED + run);
      }
      expect(world.server.stats().transports).toBe(RUNS);
    },
    { dtls: CHANGES },
  );
}
