import { defineConfig } from 'vitest/config';

// `fast` needs nothing but Node; `system` starts real servers, browsers and coturn's clients, one file at a time.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/{unit,rfc,house,fuzz}/**/*.test.ts'],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'system',
          include: ['test/{integration,e2e,fault,bench}/**/*.test.ts'],
          globalSetup: ['test/support/require-tools.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
