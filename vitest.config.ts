import { defineConfig } from 'vitest/config';

const fast = { testTimeout: 60_000, maxWorkers: '100%' };

const system = {
  globalSetup: ['test/support/require-tools.ts'],
  testTimeout: 120_000,
  hookTimeout: 60_000,
  // What is awaited comes when it comes: a machine that is busy must not decide.
  expect: { poll: { timeout: 15_000 } },
  // A browser or a TURN client of somebody else's may miss its time once on a shared machine. Here what fails is looked
  // at; there it counts as failed when it fails twice, and the report tells what was tried again.
  retry: process.env['CI'] === undefined ? 0 : 1,
};

const ALONE = [
  // Whose nodes must renew within a second: who is kept from it has lost its rooms.
  'test/{integration,e2e}/many-nodes.test.ts',
  // Whose encoders and decoders need most of a small machine, and who looks at pauses of half a second.
  'test/e2e/sfu-adaptation*.test.ts',
  // Who sends as much as arrives without a loss where nobody else does.
  'test/bench/{rooms,sfu,turn}.test.ts',
];

/** Who measures nothing of its own process: these may find modules loaded and compiled by others. */
const TOGETHER = [
  'test/rfc/**/*.test.ts',
  'test/unit/{config,gateway,keys,sdk,server,signaling,web,whip}/**/*.test.ts',
];

/**
 * `fast` and `fast-together` need nothing but Node. `system` starts real servers, browsers and coturn's clients, and
 * benches, of which it looks at what they print and at no figure: several go at a time. `alone` has what loads the
 * whole machine or measures it, one file at a time.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...fast,
          name: 'fast',
          include: ['test/{unit,rfc,house,fuzz}/**/*.test.ts'],
          exclude: TOGETHER,
        },
      },
      {
        test: {
          ...fast,
          name: 'fast-together',
          include: TOGETHER,
          isolate: false,
        },
      },
      {
        test: {
          ...system,
          name: 'system',
          include: ['test/{integration,e2e,bench}/**/*.test.ts'],
          exclude: ALONE,
          maxWorkers: 2,
          // coturn's clients sleep most of their time.
          maxConcurrency: 10,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...system,
          name: 'alone',
          include: ['test/fault/**/*.test.ts', ...ALONE],
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
