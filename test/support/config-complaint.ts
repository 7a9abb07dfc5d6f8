// The one-line complaint that loading a configuration ends in.

import { expect } from 'vitest';
import { ConfigError } from '../../shared/config/config-error.ts';
import { loadConfig } from '../../shared/config/load.ts';
import type { ConfigInput } from '../../shared/config/load.ts';

/** Fails the test when loading succeeds, throws anything else, or complains in more than a line. */
export function configComplaint(input: ConfigInput): string {
  let thrown: unknown;
  try {
    loadConfig({ ipv6Loopback: true, ...input });
  } catch (error) {
    thrown = error;
  }
  if (!(thrown instanceof ConfigError)) throw new Error('no complaint', { cause: thrown });
  expect(thrown.message).not.toMatch(/[\n\r]/);
  return thrown.message;
}
