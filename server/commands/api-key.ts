// The API key that a command signs tokens with: one of the configuration, or that of the development server which runs
// on this machine. Called by: token.ts, load.ts.

import { loadConfig } from '../../shared/config/load.ts';
import { SternaError } from '../../shared/errors.ts';
import { readDevKey } from '../dev-key.ts';
import { configFlags, UsageError } from './command.ts';
import type { Context, Flags } from './command.ts';

export interface ApiKey {
  readonly name: string;
  readonly secret: string;
}

/** By the flags `--config`, `--set` and `--key`. @throws UsageError, SternaError */
export function apiKey(flags: Flags, context: Context): ApiKey {
  const config = loadConfig({
    file: flags.get('config'),
    environment: context.environment,
    flags: configFlags(flags, {}),
    needs: 'keys',
  });
  if (config.mode === 'development') return developmentKey(context);
  const names = Object.keys(config.keys);
  const name = flags.get('key') ?? names[0] ?? '';
  const secret = Object.hasOwn(config.keys, name) ? config.keys[name] : undefined;
  if (secret !== undefined) return { name, secret };
  throw new UsageError(`--key ${name}: no such API key; there are ${names.join(', ')}`);
}

function developmentKey(context: Context): ApiKey {
  const running = readDevKey();
  if (running === undefined) {
    throw new SternaError(
      'NO_KEY',
      'no API key: give --config FILE or STERNA_KEYS, or start a development server with "sterna"',
    );
  }
  context.warn(`signed with the key of the development server at ${running.url}\n`);
  return { name: running.key, secret: running.secret };
}
