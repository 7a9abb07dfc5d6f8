// The last warnings and errors: what is kept, how much of it, and what never is.

import { expect, test } from 'vitest';
import { keptBy, silentLogger } from '../../shared/log.ts';
import type { Logger } from '../../shared/log.ts';
import { RecentLines } from '../../shared/recent-lines.ts';

let now = 1000;
const clock = { monotonic: () => now, wall: () => now };

function recorder(): { lines: RecentLines; log: Logger } {
  const lines = new RecentLines(clock);
  return { lines, log: keptBy(lines, silentLogger) };
}

test('keeps warnings and errors of a silent log, the newest first, with what children add', () => {
  const { lines, log } = recorder();
  log.info('room.created', { room: 'r' });
  log.warn('redis.down', { tries: 2 });
  now = 2000;
  log.child({ worker: 1 }).error('media.exited', { code: 3 });
  expect(lines.list(9)).toEqual([
    {
      firstAt: 2000,
      at: 2000,
      level: 'error',
      event: 'media.exited',
      fields: '{"worker":1,"code":3}',
      count: 1,
    },
    {
      firstAt: 1000,
      at: 1000,
      level: 'warn',
      event: 'redis.down',
      fields: '{"tries":2}',
      count: 1,
    },
  ]);
  expect([lines.warnings, lines.errors, lines.list(1).length]).toEqual([1, 1, 1]);
});

test('folds what repeats, so that a flood of one thing leaves the others', () => {
  const { lines, log } = recorder();
  log.error('media.crashed', { worker: 0 });
  for (let i = 0; i < 1000; i++) log.warn('webhook.failing', { receiver: 'a' });
  expect(lines.list(9).map(({ event, count }) => [event, count])).toEqual([
    ['webhook.failing', 1000],
    ['media.crashed', 1],
  ]);
  expect([lines.warnings, lines.errors]).toEqual([1000, 1]);
});

test('is bounded in number and size', () => {
  const { lines, log } = recorder();
  for (let i = 0; i < 500; i++) log.warn('x', { i, text: 'y'.repeat(100_000) });
  const kept = lines.list(1000);
  expect(kept).toHaveLength(200);
  expect(kept[0]?.fields).toContain('"i":499');
  expect(Math.max(...kept.map(({ fields }) => fields.length))).toBe(2048);
});

test('has no secrets and no control characters', () => {
  const { lines, log } = recorder();
  const err = new Error('of eyJhbGciOiJ.eyJzdWIiOiJ.c2ln and more');
  log.error('x', { token: 'hush', nested: { secret: 'hush' }, name: 'a\u202eb\u001b[2J', err });
  const [line] = lines.list(1);
  for (const hidden of ['hush', 'eyJ', '\u202e', '\u001b']) {
    expect(line?.fields).not.toContain(hidden);
  }
  expect(line?.fields).toContain('[redacted]');
});
