// Reading the configuration anew: what is done with it, in which order, and what is done in any case.

import { expect, test } from 'vitest';
import { Reload } from '../../../server/reload.ts';
import { ConfigError } from '../../../shared/config/config-error.ts';
import { loadConfig } from '../../../shared/config/load.ts';
import { noAudit } from '../../../server/audit/audit.ts';
import type { Actor } from '../../../server/audit/audit.ts';
import type { Config } from '../../../shared/config/load.ts';
import { createLogger, silentLogger } from '../../../shared/log.ts';

const BASE = loadConfig({ environment: {}, ipv6Loopback: true });

function withLevel(level: Config['log']['level']): Config {
  return { ...BASE, log: { ...BASE.log, level } };
}

function signal(name: string): Actor {
  return { type: 'signal', name };
}

function stepsOf(level: string): string[] {
  return [`begin ${level}`, `end ${level}`, 'hook'];
}

test('each goes by what the one before has left, one at a time, hooks behind', async () => {
  const levels: Config['log']['level'][] = ['warn', 'warn', 'error'];
  const steps: string[] = [];
  const reload = new Reload(BASE, {
    audit: noAudit,
    log: silentLogger,
    read: () => withLevel(levels.shift() ?? 'fatal'),
    apply: async ({ log }) => {
      steps.push(`begin ${log.level}`);
      await new Promise((resolve) => setImmediate(resolve));
      steps.push(`end ${log.level}`);
    },
  });
  reload.onReload(() => Promise.resolve(void steps.push('hook')));
  const answers = await Promise.all([
    reload.reload(signal('a')),
    reload.reload(signal('b')),
    reload.reload(signal('c')),
  ]);
  expect(answers.map((changes) => changes?.applied)).toEqual([['log.level'], [], ['log.level']]);
  expect(steps).toEqual([...stepsOf('warn'), ...stepsOf('warn'), ...stepsOf('error')]);
  expect(reload.running.log.level).toBe('error');
});

test('an invalid configuration changes nothing, calls no hook, and the next one counts', async () => {
  const lines: string[] = [];
  const steps: string[] = [];
  let valid = false;
  const reload = new Reload(BASE, {
    audit: noAudit,
    log: createLogger({ level: 'info', format: 'json', write: (line) => lines.push(line) }),
    read: () => {
      if (!valid) throw new ConfigError('bind: expected an IP address');
      return withLevel('warn');
    },
    apply: () => Promise.resolve(void steps.push('apply')),
  });
  reload.onReload(() => Promise.resolve(void steps.push('hook')));
  await expect(reload.reload(signal('SIGHUP'))).rejects.toThrow('bind: expected an IP address');
  expect([steps, reload.running]).toEqual([[], BASE]);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ event: 'config.invalid', by: 'SIGHUP' });
  valid = true;
  await reload.reload(signal('SIGHUP'));
  expect(steps).toEqual(['apply', 'hook']);
});

test('without anything to read the hooks are called alone', async () => {
  const steps: string[] = [];
  const reload = new Reload(BASE, {
    audit: noAudit,
    log: silentLogger,
    read: undefined,
    apply: () => Promise.resolve(void steps.push('apply')),
  });
  reload.onReload(() => Promise.resolve(void steps.push('hook')));
  expect(await reload.reload(signal('SIGHUP'))).toBeUndefined();
  expect(steps).toEqual(['hook']);
});
