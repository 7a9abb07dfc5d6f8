// Reading the flags of a command: what is accepted, and the one line that a mistake gets.

import { describe, expect, test } from 'vitest';
import { configFlags, readFlags } from '../../../server/commands/command.ts';
import type { Flags, FlagSpec } from '../../../server/commands/command.ts';

const SPECS: Readonly<Record<string, FlagSpec>> = {
  port: { type: 'string' },
  bind: { type: 'string', short: 'b' },
  set: { type: 'string', multiple: true },
  admin: { type: 'boolean' },
};

function read(...argv: string[]): Flags {
  return readFlags('serve', argv, SPECS);
}

describe('flags', () => {
  test('are read in every usual form', () => {
    const flags = read('--port', '1', '-b', '::1', '--set=a=b', '--set', 'c=d', '--admin');
    expect(flags.get('port')).toBe('1');
    expect(flags.get('bind')).toBe('::1');
    expect(flags.all('set')).toEqual(['a=b', 'c=d']);
    expect(flags.has('admin')).toBe(true);
    expect(flags.has('nothing')).toBe(false);
    expect(flags.get('nothing')).toBeUndefined();
    expect(read('--port=--1').get('port')).toBe('--1');
  });

  test.each([
    [['--prt', '1'], 'unknown flag --prt, did you mean --port?'],
    [['--something'], 'unknown flag --something (see "sterna serve --help")'],
    [['-x'], 'unknown flag -x'],
    [['--constructor'], 'unknown flag --constructor'],
    [['--port'], '--port needs a value'],
    [['--port', '--admin'], '--port needs a value'],
    [['--admin=yes'], '--admin takes no value'],
    [['--port', '1', '--port', '2'], '--port is given twice'],
    [['file.yaml'], 'unexpected argument "file.yaml"'],
    [['--', 'file.yaml'], 'unexpected argument "file.yaml"'],
  ])('%j is refused', (argv, message) => {
    expect(() => read(...argv)).toThrow(message);
  });

  test('become keys of the configuration', () => {
    const flags = read('--set', 'turn.realm=a=b', '--port', '1');
    expect(configFlags(flags, { port: 'gateway.port', bind: 'bind' })).toEqual([
      { flag: '--set turn.realm', key: 'turn.realm', value: 'a=b' },
      { flag: '--port', key: 'gateway.port', value: '1' },
    ]);
    expect(() => configFlags(read('--set', 'turn.realm'), {})).toThrow('--set needs KEY=VALUE');
    expect(() => configFlags(read('--set', '=x'), {})).toThrow('--set needs KEY=VALUE');
  });
});
