import { expect, test } from 'vitest';
import { RequestRates } from '../../../signaling/whip/request-rates.ts';

const LIMITS = { perSecond: 10, burst: 3, addresses: 2 };

test('an address has its burst at once, then its rate', () => {
  const rates = new RequestRates(LIMITS);
  const waits = Array.from({ length: 5 }, () => rates.waitMs('192.0.2.1', 0));
  expect(waits).toEqual([0, 0, 0, 100, 100]);
  expect(rates.waitMs('192.0.2.1', 99)).toBe(1);
  expect(rates.waitMs('192.0.2.1', 100)).toBe(0);
  expect(rates.waitMs('192.0.2.1', 100)).toBe(100);
});

test('addresses do not pay for one another, those of one IPv6 network do', () => {
  const rates = new RequestRates(LIMITS);
  for (let i = 0; i < 3; i++) rates.waitMs('2001:db8::1', 0);
  expect(rates.waitMs('2001:db8::2', 0)).toBe(100);
  expect(rates.waitMs('2001:db8:0:1::1', 0)).toBe(0);
});

test('of too many addresses the one that was quiet longest is forgotten', () => {
  const rates = new RequestRates(LIMITS);
  for (let i = 0; i < 3; i++) rates.waitMs('192.0.2.1', 0);
  for (let i = 0; i < 3; i++) rates.waitMs('192.0.2.2', 0);
  expect(rates.waitMs('192.0.2.1', 0)).toBe(100);
  rates.waitMs('192.0.2.3', 0);
  expect(rates.size).toBe(2);
  expect(rates.waitMs('192.0.2.1', 0)).toBe(100);
  expect(rates.waitMs('192.0.2.2', 0)).toBe(0);
});
