// The effective configuration as YAML, without its secrets.
// Called by: `sterna config check`, the start-up log.

import { stringify } from 'yaml';
import { shown } from './config-error.ts';
import { LEAVES } from './keys.ts';
import type { Path } from './keys.ts';
import { isSecret } from './keys.ts';
import type { Settings } from './schema.ts';
import { isRecord } from './yaml-file.ts';

/** YAML that shows every key; a secret is shown by its length alone. */
export function printSettings(settings: Settings): string {
  const printable: Record<string, unknown> = {};
  for (const { path } of LEAVES) {
    let from: unknown = settings;
    let to = printable;
    for (const name of path.slice(0, -1)) {
      from = isRecord(from) ? from[name] : undefined;
      const inner = (to[name] ??= {});
      if (isRecord(inner)) to = inner;
    }
    const name = path.at(-1) ?? '';
    to[name] = masked(path, isRecord(from) ? from[name] : undefined);
  }
  return stringify(printable, { lineWidth: 0 });
}

function masked(path: Path, value: unknown): unknown {
  if (!isSecret(path)) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => shown(path, item));
  if (!isRecord(value)) return shown(path, value);
  return Object.fromEntries(
    Object.entries(value).map(([name, secret]) => [name, shown(path, secret)]),
  );
}
