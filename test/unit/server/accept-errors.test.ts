// What listeners fail to accept is in the log, and cannot fill it.

import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { AcceptErrors } from '../../../server/media/accept-errors.ts';
import { createLogger } from '../../../shared/log.ts';

test('one line at first, then one a minute with how many there were, of all listeners together', () => {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): number => lines.push(JSON.parse(line) as Record<string, unknown>);
  let now = 5;
  const errors = new AcceptErrors(
    createLogger({ level: 'info', format: 'json', write }),
    'turn.tcp',
    () => now,
  );
  const servers = [createServer(), createServer()];
  for (const server of servers) errors.watch(server);
  const fail = (times: number): void => {
    for (let n = 0; n < times; n++) {
      servers[n % 2]!.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }));
    }
  };
  fail(1000);
  now += 59_999;
  fail(1000);
  now += 1;
  fail(1000);
  expect(lines).toMatchObject([
    { level: 'error', event: 'turn.tcp', count: 1 },
    { level: 'error', event: 'turn.tcp', count: 2000 },
  ]);
  expect(JSON.stringify(lines[0])).toContain('EMFILE');
});
