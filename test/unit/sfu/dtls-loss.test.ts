import { afterAll, expect, it } from 'vitest';
import {
  CERTIFICATE_A,
  CERTIFICATE_B,
  contextOf,
  crossed,
  DtlsEnd,
  fingerprintOf,
} from '../../support/sfu/dtls-end.ts';
import { settle, type Copies, type Reorder } from '../../support/sfu/lossy-path.ts';
import { FUZZ_SEED } from '../../support/fuzz.ts';
import { Chance } from '../../support/turn/fuzz.ts';

const RETRANSMIT_MS = 20;
/** A handshake of whole flights has four datagrams; the others are the first repetitions. */
const FATES = 6;
const RANDOM_RUNS = 150;
/** The path is clean behind these, so that every run has an end. */
const DISTURBED = 30;
const LOSSES_MAX = 6;

const contexts = [300, 1200].map((datagramBytesMax) => ({
  a: contextOf(CERTIFICATE_A, { datagramBytesMax, retransmitMs: RETRANSMIT_MS }),
  b: contextOf(CERTIFICATE_B, { datagramBytesMax, retransmitMs: RETRANSMIT_MS }),
})) as [Contexts, Contexts];
const [small, whole] = contexts;

interface Contexts {
  readonly a: ReturnType<typeof contextOf>;
  readonly b: ReturnType<typeof contextOf>;
}

afterAll(() => {
  for (const { a, b } of contexts) {
    a.free();
    b.free();
  }
});

/** Whether a handshake over such a path gave both ends their keys; how many datagrams it took. */
async function run({ a, b }: Contexts, copies: Copies, reorder?: Reorder): Promise<number> {
  const active = new DtlsEnd(a, 'active');
  const passive = new DtlsEnd(b, 'passive');
  active.transport.setRemoteFingerprints([fingerprintOf(CERTIFICATE_B)]);
  passive.transport.setRemoteFingerprints([fingerprintOf(CERTIFICATE_A)]);
  passive.transport.start(performance.now());
  active.transport.start(performance.now());
  const count = await settle(active, passive, copies, reorder);
  expect([...active.closed, ...passive.closed]).toEqual([]);
  expect(active.keys).toHaveLength(1);
  expect(active.keys).toEqual([crossed(passive.keys[0])]);
  active.transport.close();
  passive.transport.close();
  return count;
}

it(`whichever of the first ${FATES} datagrams are lost, the handshake gets done`, async () => {
  const patterns = Array.from({ length: 2 ** FATES }, (_, pattern) => pattern);
  const counts = await Promise.all(
    patterns.map((pattern) => run(whole, (n) => (n < FATES && (pattern >> n) & 1 ? 0 : 1))),
  );
  // Every loss of the first four was felt: whole flights make four datagrams, and these must arrive.
  for (const pattern of patterns.slice(0, 16)) {
    const losses = pattern.toString(2).replaceAll('0', '').length;
    expect(counts[pattern]).toBeGreaterThanOrEqual(4 + losses);
  }
});

it(`${RANDOM_RUNS} paths that lose, repeat and reorder fragments of flights, STERNA_FUZZ_SEED=${FUZZ_SEED}`, async () => {
  const runs = Array.from({ length: RANDOM_RUNS }, (_, index) => {
    const chance = new Chance(FUZZ_SEED + index);
    const lossPercent = chance.below(40);
    const copyPercent = chance.below(40);
    let losses = 0;
    const copies: Copies = (n) => {
      if (n >= DISTURBED) return 1;
      if (chance.below(100) < lossPercent && losses < LOSSES_MAX) {
        losses++;
        return 0;
      }
      return chance.below(100) < copyPercent ? 2 : 1;
    };
    const reorder: Reorder = (datagrams) => {
      for (let i = datagrams.length - 1; i > 0; i--) {
        const j = chance.below(i + 1);
        [datagrams[i], datagrams[j]] = [datagrams[j]!, datagrams[i]!];
      }
    };
    return run(index % 4 === 0 ? whole : small, copies, reorder);
  });
  const counts = await Promise.all(runs);
  expect(counts).toHaveLength(RANDOM_RUNS);
  expect(Math.max(...counts)).toBeGreaterThan(10);
});
