// The bench of the SFU still runs against every rival: packets arrive, none is lost but those that are meant to be, and
// every figure is a number. How large they are is not for a test.

import { expect, test } from 'vitest';
import { run, SMALL_RUN } from '../../bench/sfu.ts';

test('bench/sfu runs small: the loss meter, the load alone, Sterna, node-datachannel and Janus', async () => {
  const { missing, knownLoss, shapes } = await run(SMALL_RUN);
  expect(missing, 'every rival must be installed').toEqual([]);
  expect(knownLoss).toBeGreaterThan(0.009);
  expect(knownLoss).toBeLessThan(0.011);
  expect(shapes.map(({ shape }) => shape)).toEqual(SMALL_RUN.shapes);
  for (const { straight, figures, failures } of shapes) {
    expect(failures).toEqual([]);
    expect(figures.map(({ server }) => server)).toEqual([
      'sterna',
      expect.stringMatching(/^node-datachannel \d/),
      expect.stringMatching(/^janus \d.* default$/),
      expect.stringMatching(/^janus \d.* 1 event loop$/),
    ]);
    expect(straight.loss).toBe(0);
    for (const figure of figures) {
      expect(figure.loss).toBe(0);
      expect(figure.perSecond).toBeGreaterThan(0);
      expect(figure.cpuNs).toBeGreaterThan(0);
      expect(figure.loadBusy).toBeGreaterThan(0);
      expect(figure.p50).toBeGreaterThan(0);
      expect(figure.p99).toBeGreaterThanOrEqual(figure.p50);
      expect(figure.bytesPerSubscription).toBeTypeOf('number');
      expect(figure.firstPacketMs).toBeGreaterThan(0);
      expect(figure.firstKeyFrameMs).toBeGreaterThanOrEqual(figure.firstPacketMs);
    }
  }
});
