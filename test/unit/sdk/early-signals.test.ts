import { expect, test } from 'vitest';
import { EarlySignals } from '../../../sdk/early-signals.ts';
import {
  EARLY_SIGNALS_MAX,
  EARLY_SIGNALS_PER_SENDER,
  EARLY_SIGNAL_TTL_MS,
} from '../../../sdk/limits.ts';
import type { RelayedSignalMessage } from '../../../signaling/protocol.ts';

const signal = (from: string, s: number): RelayedSignalMessage => ({
  type: 'signal',
  s,
  from,
  candidate: null,
});

test('signals come back once, in order, to the one who sent them', () => {
  const early = new EarlySignals();
  early.hold(signal('a', 1), 0);
  early.hold(signal('b', 2), 1);
  early.hold(signal('a', 3), 2);
  expect(early.take('a', 10).map(({ s }) => s)).toEqual([1, 3]);
  expect(early.take('a', 10)).toEqual([]);
  expect(early.take('b', 10).map(({ s }) => s)).toEqual([2]);
});

test('they are forgotten after their time', () => {
  const early = new EarlySignals();
  early.hold(signal('a', 1), 0);
  early.hold(signal('a', 2), 10);
  expect(early.take('a', EARLY_SIGNAL_TTL_MS + 5).map(({ s }) => s)).toEqual([2]);
});

test('one sender cannot fill the table, and of its own signals the first stay', () => {
  const early = new EarlySignals();
  for (let s = 1; s <= EARLY_SIGNALS_PER_SENDER + 10; s += 1) early.hold(signal('a', s), 0);
  const kept = early.take('a', 0);
  expect(kept).toHaveLength(EARLY_SIGNALS_PER_SENDER);
  expect(kept[0]?.s).toBe(1);
});

test('the table is bounded over all senders; the oldest give way', () => {
  const early = new EarlySignals();
  for (let s = 1; s <= EARLY_SIGNALS_MAX + 5; s += 1) early.hold(signal(`p${s}`, s), 0);
  expect(early.size).toBe(EARLY_SIGNALS_MAX);
  expect(early.take('p5', 0)).toEqual([]);
  expect(early.take('p6', 0)).toHaveLength(1);
});
