import { expect, test } from 'vitest';
import { SendPacer } from '../../../sdk/send-pacer.ts';

const RATES = {
  ratePerSecond: 50,
  rateBurst: 10,
  rateBytesPerSecond: 1000,
  rateBytesBurst: 1000,
};

test('a burst goes at once and stays a fifth below what the server allows', () => {
  const pacer = new SendPacer(RATES, 0);
  const waits = Array.from({ length: 9 }, () => pacer.take(1, 0));
  expect(waits).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 25]);
});

test('tokens come back with time, up to the burst', () => {
  const pacer = new SendPacer(RATES, 0);
  for (let sent = 0; sent < 8; sent += 1) pacer.take(1, 0);
  expect(pacer.take(1, 24)).toBeGreaterThan(0);
  expect(pacer.take(1, 25)).toBe(0);
  const later = Array.from({ length: 9 }, () => pacer.take(1, 60_000));
  expect(later.filter((wait) => wait === 0)).toHaveLength(8);
});

test('bytes count too, and a message above the burst goes when the bucket is full', () => {
  const pacer = new SendPacer(RATES, 0);
  expect(pacer.take(800, 0)).toBe(0);
  expect(pacer.take(400, 0)).toBe(500);
  expect(pacer.take(5000, 500)).toBe(500);
  expect(pacer.take(5000, 1000)).toBe(0);
});

test('a pause holds everything back for as long as the server asked', () => {
  const pacer = new SendPacer(RATES, 0);
  pacer.pause(700, 0);
  expect(pacer.take(1, 100)).toBe(600);
  expect(pacer.take(1, 700)).toBe(0);
});

test('a clock that steps back neither grants nor takes anything', () => {
  const pacer = new SendPacer(RATES, 10_000);
  for (let sent = 0; sent < 8; sent += 1) expect(pacer.take(1, 10_000)).toBe(0);
  expect(pacer.take(1, 0)).toBe(25);
});
