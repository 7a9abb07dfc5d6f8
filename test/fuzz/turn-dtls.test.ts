// Hostile datagrams at a DTLS listener of TURN: those of real handshakes and sessions, mutated, from the client's own
// address and from others. Nothing throws, nobody is answered by more bytes than he has sent before his cookie came
// back, and memory stays as it was.

import { expect, it } from 'vitest';
import { openssl } from '../../shared/native/openssl.ts';
import { FUZZ_SEED, fuzzRuns, fuzzSeeds, fuzzTimeoutMs } from '../support/fuzz.ts';
import { nativeGrowth } from '../support/native-heap.ts';
import { BINDING } from '../support/turn/client.ts';
import { CoreWorld } from '../support/turn/core-world.ts';
import { DtlsCaller } from '../support/turn/dtls-caller.ts';
import { DtlsWorld } from '../support/turn/dtls-world.ts';
import { Chance } from '../support/turn/fuzz.ts';
import { message } from '../support/turn/message.ts';

const DATAGRAMS = fuzzRuns(1600);
/** Mutated datagrams of one association. */
const PER_ASSOCIATION = 40;
/** Of V8, which takes from the same heap. */
const NOISE_BYTES = 4 * 1024 * 1024;

let chance = new Chance(FUZZ_SEED);

/** Offset and width of what a record and the handshake message in it begin with (RFC 6347 s4.1, s4.2.2). */
const FIELDS: readonly (readonly [number, 1 | 2 | 3 | 6])[] = [
  [0, 1],
  [1, 2],
  [3, 2],
  [5, 6],
  [11, 2],
  [13, 1],
  [14, 3],
  [17, 2],
  [19, 3],
  [22, 3],
  [25, 2],
  [59, 1],
  [60, 1],
  [61, 1],
];

function mutated(datagram: Buffer): Buffer {
  const copy = Buffer.from(datagram);
  if (chance.below(2) === 0) {
    const [at, width] = chance.pick(FIELDS);
    const most = 2 ** (8 * width) - 1;
    const value = chance.pick([0, 1, 2, 3, 16, 20, 22, 23, 32, 33, 253, 1200, 16_384, most]);
    if (at + width <= copy.length) copy.writeUIntBE(Math.min(value, most), at, width);
  }
  for (let n = chance.below(3); n > 0; n--)
    copy[chance.below(copy.length)]! ^= 1 << chance.below(8);
  if (chance.below(4) === 0) return copy.subarray(0, chance.below(copy.length + 1));
  return chance.below(6) === 0 ? Buffer.concat([copy, datagram]) : copy;
}

/** One client, in whose name and around whom mutated datagrams come. */
async function association(dtls: DtlsWorld<CoreWorld>, port: number): Promise<boolean> {
  const { world, listener4 } = dtls;
  const { engine } = world;
  // Not one that the world keeps to its end: with what it has sent and got it would look like a leak.
  const caller = new DtlsCaller(world.endpointAt('127.0.0.1', port), listener4);
  const stranger = world.endpointAt('127.0.0.2', port);
  const history: Buffer[] = [];
  const attack = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      const bytes = mutated(chance.pick(history));
      const isStranger = chance.below(2) === 0;
      engine.inject(isStranger ? stranger.address : caller.address, listener4, bytes);
      if (!isStranger) continue;
      // oxlint-disable-next-line eslint/no-await-in-loop -- what is answered to this one
      const answered = (await stranger.rest()).reduce(
        (sum, answer) => sum + answer.bytes.length,
        0,
      );
      // The stranger has no cookie of its own, so all that it can get is a question, no longer than its own.
      expect(answered).toBeLessThanOrEqual(bytes.length);
    }
    engine.run();
  };
  const { first, second } = await caller.hello();
  history.push(first, second);
  await attack(PER_ASSOCIATION / 4);
  caller.transmit(second);
  const done = await settled(caller, history, () => attack(PER_ASSOCIATION / 4));
  if (done) history.push(...caller.sealed(message(BINDING, Buffer.alloc(12, 7))));
  await attack(PER_ASSOCIATION / 2);
  if (done) caller.hangUp();
  caller.free();
  world.advance(60_005);
  world.sweep();
  engine.takeAll();
  return done;
}

/** Whether the handshake came to its end; mutated records may have ended it before. */
async function settled(
  caller: DtlsCaller,
  history: Buffer[],
  attack: () => Promise<void>,
): Promise<boolean> {
  try {
    for (const { bytes } of await caller.endpoint.rest()) {
      for (const datagram of caller.take(bytes)) {
        history.push(datagram);
        // oxlint-disable-next-line eslint/no-await-in-loop -- before the honest one
        if (chance.below(2) === 0) await attack();
        caller.transmit(datagram);
      }
    }
    await caller.finish();
    return true;
  } catch {
    return false;
  }
}

it.each(fuzzSeeds('turn-dtls'))(
  `${DATAGRAMS} mutated datagrams, STERNA_FUZZ_SEED=%i`,
  { timeout: fuzzTimeoutMs(DATAGRAMS) },
  async (seed) => {
    chance = new Chance(seed);
    const world = new CoreWorld();
    const dtls = await DtlsWorld.open(world);
    let done = 0;
    let port = 30_000;
    const turn = async (): Promise<void> => {
      port = port === 59_999 ? 30_000 : port + 1;
      if (await association(dtls, port)) done++;
    };
    for (let n = 0; n < 10; n++) {
      // oxlint-disable-next-line eslint/no-await-in-loop -- one after the other
      await turn();
    }
    const turns = Math.ceil(DATAGRAMS / PER_ASSOCIATION);
    const grown = await nativeGrowth(turns, turn);
    const { sessions, handshaking, failures } = dtls.clients.stats();
    process.stdout.write(`TURN over DTLS fuzz: ${JSON.stringify({ done, grown, failures })}\n`);
    expect({ sessions, handshaking }).toEqual({ sessions: 0, handshaking: 0 });
    expect(openssl().ERR_peek_error()).toBe(0);
    expect(grown).toBeLessThan(NOISE_BYTES);
    // Some handshakes survive, and some mutations do harm.
    expect(done).toBeGreaterThan(turns / 10);
    expect(done).toBeLessThan(turns + 10);
    dtls.close();
    await world.close();
  },
);
