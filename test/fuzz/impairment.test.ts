// Bad networks that come, change and go at random, among traffic, restarts, moves and ends: nothing throws, nothing is
// sent twice, out of order or damaged, what is kept has its bound, and nothing is left of it.

import { afterAll, expect, it } from 'vitest';
import type { NetworkConditions, SfuPath } from '../../sfu/control.ts';
import { IMPAIRED_LINK_BYTES_MAX } from '../../sfu/transport/limits.ts';
import { breathe, fuzzRuns, fuzzSeeds, fuzzTimeoutMs } from '../support/fuzz.ts';
import { CERTIFICATE_B, contextOf } from '../support/sfu/dtls-end.ts';
import { CoreNet } from '../support/sfu/media-net.ts';
import { MediaPeer } from '../support/sfu/media-peer.ts';
import { MediaWorld, PATIENT } from '../support/sfu/media-world.ts';
import { Chance } from '../support/turn/fuzz.ts';
import { arena, payload, put, rtpHeader } from '../unit/sfu/srtp-fixture.ts';
import { header, SSRC } from '../unit/sfu/transport-media.ts';

const STEPS = fuzzRuns(3000);
const PEERS = 4;
const PATHS: readonly SfuPath[] = ['udp', 'tcp', 'relay'];

const clients = contextOf(CERTIFICATE_B, PATIENT);
afterAll(() => clients.free());

/** A participant, and how far its packets have come. */
class Someone {
  readonly peer: MediaPeer;
  #sent = 0;
  #arrivedUp = 0;
  #arrivedDown = 0;

  constructor(peer: MediaPeer) {
    this.peer = peer;
  }

  send(count: number): void {
    const { peer } = this;
    for (let n = 0; n < count; n++) {
      const number = ++this.#sent & 0xffff;
      peer.send(peer.protect(Buffer.concat([rtpHeader(SSRC, number), payload(300)])));
      put(payload(300), 64);
      peer.transport.sendRtp(header(number), arena, 64, 300, peer.world.now());
    }
  }

  /** Each packet that arrives is a later one than those before: what is not authentic, or comes again, throws. */
  async look(): Promise<void> {
    await this.peer.carry();
    this.#arrivedUp = rising(this.peer.observer.rtp.splice(0), this.#arrivedUp);
    this.#arrivedDown = rising(this.peer.rtp.splice(0), this.#arrivedDown);
  }
}

function rising(packets: readonly Buffer[], before: number): number {
  return packets.reduce((last, packet) => {
    const number = packet.readUInt16BE(2);
    if (((number - last) & 0xffff) - 1 >= 0x8000) throw new Error(`${number} behind ${last}`);
    return number;
  }, before);
}

async function someone(world: MediaWorld<CoreNet>, chance: Chance): Promise<Someone> {
  return new Someone(await new MediaPeer(world, clients).connect(chance.pick(PATHS)));
}

function conditions(chance: Chance): NetworkConditions {
  return {
    loss: chance.pick([0, 0, 0.1, 0.9, 1]),
    burst: 1 + chance.below(5),
    delayMs: chance.pick([0, 0, 1, 40, 5000]),
    jitterMs: chance.pick([0, 0, 30, 2000]),
    rateBps: chance.pick([0, 8000, 100_000, 1e9]),
    queueMs: chance.pick([0, 50, 5000]),
  };
}

function impair({ peer: { transport, world } }: Someone, chance: Chance): void {
  const link = (): NetworkConditions | null | undefined =>
    chance.pick([undefined, null, conditions(chance)]);
  const passes = chance.pick([undefined, undefined, null, 'tcp', 'relay', 'nothing'] as const);
  const ms = chance.pick([1, 100, 3000, 300_000]);
  const order = { up: link(), down: link(), passes, seed: chance.below(9), ms };
  transport.impair(order, world.now());
}

async function step(all: Someone[], world: MediaWorld<CoreNet>, chance: Chance): Promise<void> {
  const at = chance.below(PEERS);
  const one = all[at]!;
  const what = chance.below(100);
  if (what < 50) one.send(1 + chance.below(8));
  else if (what < 65) impair(one, chance);
  else if (what < 75) one.peer.check({ nominate: chance.below(2) === 0 });
  else if (what < 78) one.peer.restart();
  else if (what < 80) await one.peer.move(chance.pick(PATHS));
  else if (what < 81) one.peer.transport.close();
  else world.net.pass(chance.pick([1, 4, 20, 100, 1000]));
  await one.look();
  if (one.peer.transport.state === 'closed') all[at] = await someone(world, chance);
}

it.each(fuzzSeeds('impairment'))(
  `${STEPS} steps, and all packets in order (seed %i)`,
  async (seed) => {
    const chance = new Chance(seed);
    const world = await MediaWorld.open(new CoreNet());
    const all: Someone[] = [];
    while (all.length < PEERS) all.push(await someone(world, chance));
    let most = 0;
    for (let index = 0; index < STEPS; index++) {
      await breathe(index);
      await step(all, world, chance);
      most = Math.max(most, world.server.stats().impairedBytes);
    }
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(PEERS * 2 * IMPAIRED_LINK_BYTES_MAX);
    for (const { peer } of all) {
      const { transport } = peer;
      transport.impair({ up: null, down: null, passes: null, seed, ms: 1 }, world.now());
    }
    expect(world.server.stats().impairedBytes).toBe(0);
    await world.close();
  },
  fuzzTimeoutMs(STEPS),
);
