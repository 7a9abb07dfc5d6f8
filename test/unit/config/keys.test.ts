// The table of keys that is made from the schema, and the printing of a configuration.

import { describe, expect, test } from 'vitest';
import { LEAVES, nearest, nodeAt, splitPath } from '../../../shared/config/keys.ts';
import { loadConfig } from '../../../shared/config/load.ts';
import { printSettings } from '../../../shared/config/print.ts';

describe('keys', () => {
  test('have variables that cannot be mistaken for one another', () => {
    const variables = LEAVES.map((leaf) => leaf.variable);
    expect(new Set(variables).size).toBe(variables.length);
    expect(variables).toContain('STERNA_TURN_LIFETIMES_ALLOCATION_MAX');
    expect(variables).toContain('STERNA_TURN_REALM');
    expect(variables).toContain('STERNA_GATEWAY_PORT');
  });

  test('all have a default and a description', () => {
    const bare = LEAVES.filter((leaf) => leaf.description === '' || leaf.default === undefined);
    expect(bare).toEqual([]);
  });

  test('are split at dots, but the names of a map keep theirs', () => {
    expect(splitPath('turn.quota.total')).toEqual(['turn', 'quota', 'total']);
    expect(splitPath('turn.users.a.b')).toEqual(['turn', 'users', 'a.b']);
    expect(splitPath('keys')).toEqual(['keys']);
    expect(nodeAt(['turn', 'users', 'a.b'])).toBe('text');
    expect(nodeAt(['turn', 'users'])).toBe('map');
    expect(nodeAt(['turn'])).toBe('group');
    expect(nodeAt(['nothing'])).toBeUndefined();
  });

  test('a typo finds the nearest one, and nonsense finds none', () => {
    expect(nearest('bindd', ['bind', 'keys'])).toBe('bind');
    expect(nearest('KEYS', ['bind', 'keys'])).toBe('keys');
    expect(nearest('something', ['bind', 'keys'])).toBeUndefined();
    expect(nearest('x'.repeat(100_000), ['bind', 'keys'])).toBeUndefined();
  });

  test('are printed with their values, secrets by their length', () => {
    const environment = {
      STERNA_TURN_USERS: 'ann=hunter2',
      STERNA_TURN_SECRETS: 'hunter2-hunter2',
      STERNA_REDIS_URL: 'rediss://:hunter2@redis.example.org',
    };
    const text = printSettings(loadConfig({ environment, ipv6Loopback: true }));
    expect(text).not.toContain('hunter2');
    expect(text).toContain('devkey: a secret of 43 characters');
    expect(text).toContain('ann: a secret of 7 characters');
    expect(text).toContain('- a secret of 15 characters');
    expect(text).toContain('url: a secret of 35 characters');
    expect(text).toContain('allocationMax: 3600');
    for (const leaf of LEAVES) expect(text).toContain(`${leaf.path.at(-1)}:`);
  });
});
