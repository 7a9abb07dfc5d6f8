import { expect, test } from 'vitest';
import { Allowance } from '../../../web/allowance.ts';
import { Hands } from '../../../web/hands.ts';
import { LeadSpeaker } from '../../../web/lead-speaker.ts';

const up = (sid: string, hand: string) => ({ sid, attributes: { hand } });
const down = (sid: string) => ({ sid, attributes: {} });
const places = (hands: Hands<{ sid: string; attributes: Record<string, string> }>) =>
  ['a', 'b', 'c', 'd'].map((sid) => hands.placeOf(sid));

test('hands that were up before we came are in the order that they say', () => {
  const hands = new Hands();
  const fresh = hands.look([up('a', '300'), down('b'), up('c', '100'), up('d', 'up')]);
  expect(fresh.map(({ sid }) => sid)).toEqual(['c', 'a', 'd']);
  expect(places(hands)).toEqual([2, 0, 1, 3]);
});

test('who raises a hand later comes later, whatever time is claimed', () => {
  const hands = new Hands();
  hands.look([up('a', '300')]);
  expect(hands.look([up('a', '300'), up('b', '1')]).map(({ sid }) => sid)).toEqual(['b']);
  expect(places(hands)).toEqual([1, 2, 0, 0]);
  hands.look([down('a'), up('b', '1')]);
  hands.look([up('a', '0'), up('b', '1')]);
  expect(places(hands)).toEqual([2, 1, 0, 0]);
  // Whoever leaves has no hand.
  hands.look([up('a', '0')]);
  expect(places(hands)).toEqual([1, 0, 0, 0]);
  expect(hands.count).toBe(1);
});

test('some at once, then some a second, of each sender', () => {
  const allowance = new Allowance(2, 1);
  const take = (sender: string, now: number) => allowance.take(sender, now);
  expect([take('a', 0), take('a', 0), take('a', 0), take('b', 0)]).toEqual([
    true,
    true,
    false,
    true,
  ]);
  expect([take('a', 1000), take('a', 1000), take('a', 60_000)]).toEqual([true, false, true]);
  // However many there are, it stays small: the one who was heard of longest ago begins anew.
  for (let at = 0; at < 1000; at += 1) take(`x${at}`, 60_000);
  expect([take('a', 60_000), take('a', 60_000), take('a', 60_000)]).toEqual([true, true, false]);
});

test('who speaks is large, a cough of somebody else changes nothing', () => {
  const lead = new LeadSpeaker();
  expect(lead.sid).toBeNull();
  expect(lead.hear(['a'], 0)).toBe(true);
  expect(lead.hear(['b', 'a'], 500)).toBe(false);
  expect(lead.hear([], 600)).toBe(false);
  expect(lead.sid).toBe('a');
  expect(lead.hear(['b'], 700)).toBe(true);
  expect(lead.hear(['a', 'b'], 4000)).toBe(true);
  lead.forget('a');
  expect(lead.sid).toBeNull();
});
