// The log: the shape of a line in both formats, and what never reaches it.

import { describe, expect, test } from 'vitest';
import { createLogger } from '../../shared/log.ts';
import type { LogFormat, Logger, LogLevel } from '../../shared/log.ts';

function capture(format: LogFormat, level: LogLevel = 'info'): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const log = createLogger({ format, level, write: (line) => lines.push(line) });
  return { log, lines };
}

describe('json', () => {
  test('a line is level, time, event, then the facts', () => {
    const { log, lines } = capture('json');
    log.child({ sid: 's1' }).info('room.created', { room: 'r', atMs: 5 });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^\{"level":"info","time":"[\d-]+T[\d:.]+Z","event":"room.created","sid":"s1","room":"r","atMs":5\}\n$/,
    );
  });

  test('levels below the chosen one are dropped, silent drops all', () => {
    const { log, lines } = capture('json', 'warn');
    log.trace('a');
    log.info('b');
    log.warn('c');
    log.fatal('d');
    expect(lines.map((line) => /"event":"(.)"/.exec(line)?.[1])).toEqual(['c', 'd']);
    const silent = capture('json', 'silent');
    silent.log.fatal('x');
    expect(silent.lines).toEqual([]);
  });

  test('an error brings its name, message, code, frames and cause', () => {
    const { log, lines } = capture('json');
    const cause = Object.assign(new Error('port taken'), { code: 'EADDRINUSE' });
    log.error('server.failed', { err: new TypeError('no way', { cause }) });
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      event: 'server.failed',
      err: {
        name: 'TypeError',
        message: 'no way',
        cause: { name: 'Error', message: 'port taken', code: 'EADDRINUSE' },
      },
    });
  });
});

describe.each(['json', 'pretty'] as const)('safety of %s', (format) => {
  test('secrets are not printed, by name or by look', () => {
    const { log, lines } = capture(format);
    log.info('x', {
      token: 'hunter2',
      apiSecret: 'hunter2',
      password: 12_345,
      credentials: { username: 'hunter2' },
      Authorization: 'Bearer hunter2',
      deep: { secrets: ['hunter2'] },
      url: 'ws://h/?t=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJodW50ZXIyIn0.c2lnbmF0dXJl',
    });
    expect(lines[0]).not.toMatch(/hunter2|12345|eyJ/);
    expect(lines[0]?.match(/\[redacted\]/g)).toHaveLength(6);
    expect(lines[0]).toContain('[redacted token]');
  });

  test('what outsiders send stays on one line and moves no cursor', () => {
    const { log, lines } = capture(format);
    const evil = 'a\nb\r\u001b[2Jc\u009b31md\u2028e\u202ef\0g"h';
    log.info('x', { evil, [evil]: 1, err: new Error(evil) });
    expect(lines).toHaveLength(1);
    // eslint-disable-next-line no-control-regex
    expect(lines[0]?.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u202e]/);
    expect(lines[0]).toContain('u001b[2Jc');
  });

  test('length, count and depth are bounded', () => {
    const { log, lines } = capture(format);
    const nested: Record<string, unknown> = {};
    nested['self'] = nested;
    log.info('x', {
      nested,
      long: 'y'.repeat(1_000_000),
      many: Array.from({ length: 100_000 }, (_, i) => i),
      wide: Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, i])),
      bytes: new Uint8Array(100_000),
      big: 10n,
      odd: [undefined, Symbol('s'), () => 1, Number.NaN, null],
    });
    expect(lines[0]?.length).toBeLessThan(8000);
    expect(lines[0]).toContain('[deep]');
    expect(lines[0]).toContain('(1000000 characters)');
    expect(lines[0]).toContain('[100000 bytes]');
  });
});

test('pretty is one short line for people, coloured only on demand', () => {
  const { log, lines } = capture('pretty');
  log.info('room.created', { room: 'r1', text: 'two words', count: 3 });
  expect(lines[0]).toMatch(
    /^\d\d:\d\d:\d\d info {2}room\.created room=r1 text="two words" count=3\n$/,
  );
  const coloured: string[] = [];
  const write = (line: string): unknown => coloured.push(line);
  createLogger({ format: 'pretty', level: 'info', colour: true, write }).warn('x');
  expect(coloured[0]).toContain('\u001b[33mwarn ');
});

test.each(['json', 'pretty'] as const)('%s: the level can change, for children, too', (format) => {
  const lines: string[] = [];
  const log = createLogger({ format, level: 'info', write: (line) => lines.push(line) });
  const child = log.child({ sid: 's1' });
  for (const level of ['warn', 'debug', 'silent', 'info'] as const) {
    log.setLevel(level);
    log.debug(`d-${level}`);
    child.info(`i-${level}`);
    child.warn(`w-${level}`);
  }
  expect(lines.map((line) => /[diw]-[a-z]+/.exec(line)?.[0])).toEqual([
    'w-warn',
    'd-debug',
    'i-debug',
    'w-debug',
    'i-info',
    'w-info',
  ]);
});
