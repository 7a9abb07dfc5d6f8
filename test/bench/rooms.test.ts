// The bench of rooms still runs: Sterna and Janus forward what was asked for, everybody gets something of everybody,
// who joins a busy room gets a picture, and every figure is a number. How large they are is not for a test.

import { expect, test } from 'vitest';
import { run, SMALL_RUN } from '../../bench/rooms.ts';

test('bench/rooms runs small: meetings and a storm of joins, by Sterna and Janus', async () => {
  const { missing, parts } = await run(SMALL_RUN);
  expect(missing, 'every rival must be installed').toEqual([]);
  expect(parts.map(({ name }) => name)).toEqual(['meetings', 'storm']);
  for (const { figures, failures } of parts) {
    expect(failures).toEqual([]);
    expect(figures.map(({ server }) => server)).toEqual([
      'sterna',
      expect.stringMatching(/^janus \d.* default$/),
      expect.stringMatching(/^janus \d.* 1 event loop$/),
    ]);
    for (const figure of figures) {
      expect(figure.silent, figure.server).toBe(0);
      expect(figure.loss).toBe(0);
      expect(figure.outPerSecond).toBeGreaterThan(0);
      expect(figure.cpuNs).toBeGreaterThan(0);
      expect(figure.loadBusy).toBeGreaterThan(0);
      expect(figure.forwardUs.p50).toBeGreaterThan(0);
      expect(figure.forwardUs.p99).toBeGreaterThanOrEqual(figure.forwardUs.p50);
      expect(figure.bytesPerParticipant).toBeGreaterThan(0);
      expect(figure.layers.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1);
    }
  }
  const stormed = parts.at(-1)?.figures ?? [];
  for (const { storm } of stormed) {
    expect(storm?.late).toBe(0);
    expect(storm?.keyFrameMs.p50).toBeGreaterThan(0);
    expect(storm?.answerMs.p99).toBeGreaterThan(0);
  }
  expect(stormed[0]?.serverJoinMs?.p50).toBeGreaterThan(0);
});
