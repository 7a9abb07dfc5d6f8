// Lays the environment over the file and the flags over both, and remembers where each value came from.
// Called by: load.ts.

import { parseDocument } from 'yaml';
import { ConfigError } from './config-error.ts';
import { LEAVES, namesUnder, nearest, nodeAt, splitPath } from './keys.ts';
import type { LeafKind, Path } from './keys.ts';
import { isRecord, readYamlFile } from './yaml-file.ts';

export interface ConfigFlag {
  /** As the user wrote it, for messages: `--port` or `--set turn.realm`. */
  flag: string;
  /** Dotted path of the key. */
  key: string;
  value: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The file's path; the one `STERNA_*` variable that is no key. */
export const FILE_VARIABLE = 'STERNA_CONFIG';

export class Sources {
  readonly values: Record<string, unknown> = {};
  readonly #origins = new Map<string, string>();

  /** Where the value at a path came from: its own origin, or that of what holds it. */
  originOf(path: Path): string {
    if (this.valueAt(path) === undefined) return 'default';
    for (let length = path.length; length > 0; length--) {
      const origin = this.#origins.get(path.slice(0, length).join('\0'));
      if (origin !== undefined) return origin;
    }
    return 'default';
  }

  /** What was given at a path; undefined when it is left to its default. */
  valueAt(path: Path): unknown {
    let value: unknown = this.values;
    for (const name of path) {
      value = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
    }
    return value;
  }

  has(path: Path): boolean {
    return this.valueAt(path) !== undefined;
  }

  /** Sets a value; one that stands where a group belongs is left for the schema to refuse. */
  set(path: Path, value: unknown, origin: string): void {
    let group = this.values;
    for (const name of path.slice(0, -1)) {
      const inner = (group[name] ??= {});
      if (!isRecord(inner)) return;
      group = inner;
    }
    const last = path.at(-1);
    if (last === undefined) return;
    group[last] = value;
    const id = path.join('\0');
    for (const below of this.#origins.keys()) {
      if (below.startsWith(`${id}\0`)) this.#origins.delete(below);
    }
    this.#origins.set(id, origin);
  }

  addFile(file: string, origin: string): void {
    const { values, lines } = readYamlFile(file, origin);
    for (const { path, line } of lines) {
      refuseProto(path, `${file}:${line}`);
      this.#origins.set(path.join('\0'), `${file}:${line}`);
    }
    Object.assign(this.values, withoutEmpty(values, []));
  }

  addEnvironment(environment: Environment): void {
    for (const [variable, raw] of Object.entries(environment)) {
      if (!variable.startsWith('STERNA_') || variable === FILE_VARIABLE) continue;
      const leaf = LEAVES.find((candidate) => candidate.variable === variable);
      if (leaf) {
        // Container set-ups pass an empty text for what is not set.
        if (raw === undefined || raw === '') continue;
        this.set(leaf.path, readRaw(raw, leaf.kind, leaf.path, variable), variable);
      } else if (!isServiceLink(variable, raw ?? '')) {
        throw unknownVariable(variable);
      }
    }
  }

  addFlag({ flag, key, value }: ConfigFlag): void {
    const path = splitPath(key);
    refuseProto(path, flag);
    const kind = nodeAt(path);
    if (kind === undefined) throw unknownKey(path, flag);
    if (kind === 'group') {
      const names = namesUnder(path).join(', ');
      throw new ConfigError(`${key}: expected one of its keys: ${names} (${flag})`);
    }
    this.set(path, readRaw(value, kind, path, flag), flag);
  }
}

/** A complaint about a key that does not exist, with the nearest one that does. */
export function unknownKey(path: Path, origin: string): ConfigError {
  const group = knownPart(path);
  const word = path[group.length] ?? '';
  const known = namesUnder(group);
  const hit =
    nearest(word, known) ??
    LEAVES.find((leaf) => leaf.path.at(-1) === word)?.path.join('.') ??
    undefined;
  const full = hit === undefined || hit.includes('.') ? hit : [...group, hit].join('.');
  const hint =
    full === undefined ? `expected one of ${known.join(', ')}` : `did you mean "${full}"?`;
  return new ConfigError(`${path.join('.')}: unknown key, ${hint} (${origin})`);
}

function knownPart(path: Path): Path {
  let length = 0;
  while (length < path.length && nodeAt(path.slice(0, length + 1)) === 'group') length++;
  return path.slice(0, length);
}

function unknownVariable(variable: string): ConfigError {
  const hit = nearest(
    variable,
    LEAVES.map((leaf) => leaf.variable),
  );
  const hint = hit === undefined ? 'docs/configuration.md lists them all' : `did you mean ${hit}?`;
  return new ConfigError(`${variable}: unknown environment variable, ${hint}`);
}

/** What Kubernetes puts into every container for a Service named "sterna..." is not meant for us. */
function isServiceLink(variable: string, value: string): boolean {
  if (/_SERVICE_(?:HOST|PORT)(?:_|$)|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_|$)/.test(variable)) return true;
  return variable.endsWith('_PORT') && /^(?:tcp|udp|sctp):\/\//.test(value);
}

/** A group or value that a file names but leaves empty counts as not given. */
function withoutEmpty(values: Record<string, unknown>, path: Path): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) {
    const at = [...path, name];
    const kind = nodeAt(at);
    if (value === null && kind !== undefined) continue;
    const inner = kind === 'group' && isRecord(value) ? withoutEmpty(value, at) : value;
    kept[name] = inner;
  }
  return kept;
}

/** No key has this name, and objects treat it in a way of their own. */
function refuseProto(path: Path, origin: string): void {
  if (path.includes('__proto__')) throw unknownKey(path, origin);
}

/** A text from the environment or a flag as the kind of value its key holds. */
function readRaw(raw: string, kind: LeafKind, path: Path, origin: string): unknown {
  if (kind === 'text') return raw;
  if (kind === 'boolean') return raw === 'true' || (raw === 'false' ? false : raw);
  if (kind === 'number') return /^[+-]?\d+(?:\.\d+)?$/.test(raw) ? Number(raw) : raw;
  if (/^\s*[[{]/.test(raw)) return readFlow(raw, path, origin);
  const items = raw
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  if (kind === 'list') return items;
  const entries = items.map((item): [string, string] => {
    const at = item.indexOf('=');
    refuseProto([...path, item.slice(0, Math.max(at, 0))], origin);
    if (at < 1) {
      throw new ConfigError(
        `${path.join('.')}: expected "name=value,name=value" or a YAML map in braces (${origin})`,
      );
    }
    return [item.slice(0, at), item.slice(at + 1)];
  });
  return Object.fromEntries(entries);
}

function readFlow(raw: string, path: Path, origin: string): unknown {
  const document = parseDocument(raw, { prettyErrors: false });
  if (document.errors.length > 0 || document.warnings.length > 0) {
    throw new ConfigError(
      `${path.join('.')}: expected a YAML or JSON list or map on one line (${origin})`,
    );
  }
  const value: unknown = document.toJS({ maxAliasCount: 0 });
  if (isRecord(value)) Object.keys(value).forEach((name) => refuseProto([...path, name], origin));
  return value;
}
