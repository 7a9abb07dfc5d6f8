// What an encoding takes: the share of its key frames is left out, unless it has hardly anything else.

import { expect, it } from 'vitest';
import { SendRate } from '../../../sfu/feedback/send-rate.ts';

const NEVER = Number.NEGATIVE_INFINITY;
/** With nothing in it for headers. */
const BYTES_A_WINDOW = 25_000;
const BPS = 400_000;

it('is told over half a second and more', () => {
  const rate = new SendRate();
  rate.look(0, 0, NEVER, 1000);
  rate.look(BYTES_A_WINDOW / 2, 0, NEVER, 1250);
  expect(rate.bps).toBe(0);
  rate.look(BYTES_A_WINDOW, 0, NEVER, 1500);
  expect(rate.bps).toBe(BPS);
});

it('does not rise for the sake of one key frame, but of many', () => {
  const rate = new SendRate();
  let bytes = BYTES_A_WINDOW;
  rate.look(0, 0, NEVER, 1000);
  rate.look(bytes, 0, NEVER, 1500);
  rate.look((bytes += 4 * BYTES_A_WINDOW), 0, 1600, 2000);
  expect(rate.bps).toBe(BPS);
  rate.look((bytes += BYTES_A_WINDOW), 0, 1600, 2500);
  expect(rate.bps).toBe(BPS);
  rate.look((bytes += 4 * BYTES_A_WINDOW), 0, 2600, 3000);
  rate.look((bytes += 4 * BYTES_A_WINDOW), 0, 3100, 3500);
  expect(rate.bps).toBe(2.5 * BPS);
});

it('begins with whatever comes first', () => {
  const rate = new SendRate();
  rate.look(0, 0, NEVER, 1000);
  rate.look(4 * BYTES_A_WINDOW, 0, 1100, 1500);
  expect(rate.bps).toBe(4 * BPS);
  rate.restart();
  expect(rate.bps).toBe(0);
});
