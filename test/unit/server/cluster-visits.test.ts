// A session whose WebSocket is at another node: what that node has not sent to its client counts as what waits here.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { decode } from '../../../server/cluster/envelope.ts';
import { Links } from '../../../server/cluster/links.ts';
import { Visits } from '../../../server/cluster/visits.ts';
import { systemClock } from '../../../shared/clock.ts';
import { Harness } from '../signaling/harness.ts';
import type { Client } from '../signaling/harness.ts';

const BUFFERED_MAX = 300_000;
const PAYLOAD = Buffer.alloc(30_000).toString('base64');

let harness: Harness;
let visits: Visits;
let ann: Client;
/** What the other node gets, by what it is. */
let sent: { k: string; text: string }[];

beforeEach(async () => {
  harness = await Harness.start({ bufferedBytesMax: BUFFERED_MAX });
  sent = [];
  const links = new Links({
    node: 'here',
    publish: (_channel, message) => {
      const { content, text } = decode(message)!;
      sent.push({ k: content.k, text });
      return Promise.resolve(1);
    },
    onBreak: () => {},
  });
  visits = new Visits(links, systemClock, harness.signaling);
  ({ client: ann } = await harness.join('ann'));
  const join = { type: 'join', i: 1, token: harness.token('bob') };
  visits.open('edge', 7, 'host', JSON.stringify(join));
});

afterEach(() => harness.stop());

const kinds = (): string[] => sent.map(({ k }) => k);
const bytes = (): number => sent.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
const say = (): Promise<unknown> => ann.request({ type: 'data', payload: PAYLOAD });

test('a reader that lets too much pile up there is cut off here, and its session waits', async () => {
  expect(kinds()).toEqual(['send', 'in']);
  while (!kinds().includes('close')) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await say();
    expect(bytes()).toBeLessThan(BUFFERED_MAX + 100_000);
  }
  expect(JSON.parse(sent.at(-2)?.text ?? '')).toMatchObject({
    type: 'bye',
    reason: 'SLOW_CONSUMER',
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(visits.size).toBe(0);
  expect(harness.signaling.stats()).toMatchObject({ guests: 0, sessions: 2, away: 1 });
});

test('one that reads goes on for as long as it likes; more than was sent it cannot have read', async () => {
  visits.receive('edge', { k: 'ack', c: 7, bytes: 1e12 }, '');
  for (let i = 0; i < 15; i++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await say();
    visits.receive('edge', { k: 'ack', c: 7, bytes: bytes() }, '');
  }
  expect(bytes()).toBeGreaterThan(BUFFERED_MAX + 100_000);
  expect(kinds()).not.toContain('close');
});

test('what comes from another node, or of another WebSocket, is none of its own', () => {
  expect(visits.receive('other', { k: 'shut', c: 7 }, '')).toBe(false);
  expect(visits.receive('edge', { k: 'shut', c: 8 }, '')).toBe(false);
  expect(visits.size).toBe(1);
  visits.end('other');
  expect(visits.size).toBe(1);
  visits.end('edge');
  expect([visits.size, harness.signaling.stats().away]).toEqual([0, 1]);
});
