// The one-line complaint of everything that can be wrong with a configuration: which key, what was expected,
// what was found, and where it came from.
// Called by: the other files of this folder; the CLI prints `message` and ends with code 2.

import { SternaError } from '../errors.ts';
import { escapeText } from '../log-fields.ts';
import { isSecret } from './keys.ts';
import type { Path } from './keys.ts';

const SHOWN_MAX = 60;

export class ConfigError extends SternaError {
  constructor(message: string) {
    super('CONFIG_INVALID', escapeText(message));
    this.name = 'ConfigError';
  }
}

export interface Complaint {
  path: Path;
  /** Reads on from "expected". */
  expected: string;
  /** Left out when there is no value to show. */
  value?: unknown;
  /** Such as `sterna.yaml:12`, `STERNA_BIND` or `--bind`. */
  origin: string;
}

export function complain(complaint: Complaint): ConfigError {
  const { path, expected, origin } = complaint;
  const got = 'value' in complaint ? `, got ${shown(path, complaint.value)}` : '';
  return new ConfigError(`${path.join('.')}: expected ${expected}${got} (${origin})`);
}

/** A value on one short line; of a secret only its kind and length. */
export function shown(path: Path, value: unknown): string {
  if (value === undefined) return 'nothing';
  if (isSecret(path)) {
    return typeof value === 'string' ? `a secret of ${value.length} characters` : kindOf(value);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return 'a map';
  const text = typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? typeof value);
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}...` : text;
}

function kindOf(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a map' : `a ${typeof value}`;
}
