// What a running server takes over of a configuration that was read anew: the keys below, and of the others it is told
// that they need a restart.
// Called by: the server entry.

import { isDeepStrictEqual } from 'node:util';
import { LEAVES } from './keys.ts';
import type { Path } from './keys.ts';
import type { Config } from './load.ts';

/** Keys, and groups of them. */
export const RELOADABLE: readonly string[] = [
  'turn.users',
  'turn.secrets',
  'turn.peers',
  'turn.alternateServers',
  'turn.redirect',
  'turn.quota.perUser',
  'turn.lifetimes',
  'log.level',
];

/** The dotted names of keys that have changed. */
export interface Changes {
  readonly applied: readonly string[];
  readonly needRestart: readonly string[];
}

/**
 * The running configuration with what can be taken over of the other, and what has changed.
 * @param only keys to look at, all when left out
 */
export function takeOver(
  running: Config,
  read: Config,
  only: readonly string[] = LEAVES.map(({ path }) => path.join('.')),
): { config: Config; changes: Changes } {
  const config = structuredClone(running);
  const [applied, needRestart]: [string[], string[]] = [[], []];
  for (const { path } of LEAVES) {
    const key = path.join('.');
    if (!only.includes(key)) continue;
    const value = valueAt(read, path);
    if (isDeepStrictEqual(value, valueAt(running, path))) continue;
    if (isReloadable(key)) {
      const group: unknown = valueAt(config, path.slice(0, -1));
      if (typeof group === 'object' && group !== null) Reflect.set(group, path.at(-1) ?? '', value);
      applied.push(key);
    } else {
      needRestart.push(key);
    }
  }
  return { config, changes: { applied, needRestart } };
}

function isReloadable(key: string): boolean {
  return RELOADABLE.some((one) => key === one || key.startsWith(`${one}.`));
}

function valueAt(config: Config, path: Path): unknown {
  let value: unknown = config;
  for (const name of path) {
    value = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  }
  return value;
}
