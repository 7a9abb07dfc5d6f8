// A bucket of units that time fills.

import { expect, it } from 'vitest';
import { PacketBudget } from '../../../sfu/packet-budget.ts';

/** How many of so many single units are given at that time. */
function given(budget: PacketBudget, asked: number, now: number): number {
  let count = 0;
  for (let i = 0; i < asked; i++) if (budget.spend(1, now)) count++;
  return count;
}

it('is full at first, whatever the time, and then has what time has brought', () => {
  for (const begin of [0.25, 1e9]) {
    const budget = new PacketBudget(2000, 10);
    expect(given(budget, 20, begin)).toBe(10);
    expect(given(budget, 20, begin + 1.5)).toBe(3);
    expect(given(budget, 20, begin + 1e6)).toBe(10);
  }
});

it('loses no part of a unit between two looks', () => {
  const budget = new PacketBudget(100, 5);
  given(budget, 5, 1000);
  let count = 0;
  for (let ms = 1; ms <= 10_000; ms++) count += given(budget, 1, 1000 + ms);
  expect(count).toBe(1000);
});

it('gives nothing for a clock that stands or goes back', () => {
  const budget = new PacketBudget(1000, 5);
  expect([given(budget, 9, 1000), given(budget, 9, 1000), given(budget, 9, 500)]).toEqual([
    5, 0, 0,
  ]);
  expect(given(budget, 9, 1003)).toBe(3);
});

it('gives all that is asked for, or nothing', () => {
  const budget = new PacketBudget(1000, 5);
  expect([budget.spend(6, 1), budget.spend(4, 1), budget.spend(2, 1), budget.spend(1, 1)]).toEqual([
    false,
    true,
    false,
    true,
  ]);
});
