// The schema as a table of keys: their dotted paths, environment variables and kinds, and the nearest one to
// a typo.
// Called by: sources.ts, load.ts, the house tests.

import { z } from 'zod';
import { settingsSchema } from './schema.ts';

export type Path = readonly string[];
export type LeafKind = 'list' | 'map' | 'number' | 'boolean' | 'text';

export interface Leaf {
  path: Path;
  kind: LeafKind;
  /** Such as `STERNA_TURN_QUOTA_PER_USER`. */
  variable: string;
  description: string;
  default: unknown;
}

const NODES = new Map<string, 'group' | LeafKind>();

/** Every key that holds a value, in the order of the schema. */
export const LEAVES: readonly Leaf[] = walk(settingsSchema, []);

function walk(schema: z.ZodObject, path: Path): Leaf[] {
  if (path.length > 0) NODES.set(path.join('.'), 'group');
  return Object.entries(schema.shape).flatMap(([name, field]): Leaf[] => {
    const at = [...path, name];
    const inner = unwrap(field);
    if (inner instanceof z.ZodObject) return walk(inner, at);
    const kind = kindOf(inner);
    NODES.set(at.join('.'), kind);
    return [
      {
        path: at,
        kind,
        variable: variableOf(at),
        description: field instanceof z.ZodType ? (field.description ?? '') : '',
        default: field instanceof z.ZodDefault ? field.def.defaultValue : undefined,
      },
    ];
  });
}

function unwrap(field: unknown): unknown {
  return field instanceof z.ZodDefault || field instanceof z.ZodPrefault ? field.unwrap() : field;
}

function kindOf(schema: unknown): LeafKind {
  if (schema instanceof z.ZodArray) return 'list';
  if (schema instanceof z.ZodRecord) return 'map';
  if (schema instanceof z.ZodBoolean) return 'boolean';
  return schema instanceof z.ZodNumber ? 'number' : 'text';
}

function variableOf(path: Path): string {
  const words = path.map((name) => name.replace(/[A-Z]/g, (capital) => `_${capital}`));
  return `STERNA_${words.join('_').toUpperCase()}`;
}

/** What stands at a path: a group of keys, a value, or nothing. Inside a map every name is a value. */
export function nodeAt(path: Path): 'group' | LeafKind | undefined {
  const kind = NODES.get(path.join('.'));
  if (kind !== undefined) return kind;
  return path.length > 1 && mapAbove(path) !== undefined ? 'text' : undefined;
}

/**
 * Splits a dotted path; what follows a map's key is one name, dots and all (`turn.relay.external.192.0.2.1`).
 */
export function splitPath(dotted: string): Path {
  const path = dotted.split('.');
  const map = mapAbove(path);
  return map === undefined ? path : [...path.slice(0, map), path.slice(map).join('.')];
}

/** How many names lead to the map that this path goes into. */
function mapAbove(path: Path): number | undefined {
  for (let length = 1; length < path.length; length++) {
    if (NODES.get(path.slice(0, length).join('.')) === 'map') return length;
  }
  return undefined;
}

/** The names that may follow a group. */
export function namesUnder(path: Path): string[] {
  const names = new Set<string>();
  for (const leaf of LEAVES) {
    const name = leaf.path[path.length];
    if (name !== undefined && path.every((part, i) => leaf.path[i] === part)) names.add(name);
  }
  return [...names];
}

/** The candidate that a typo most likely meant, or undefined when none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 32) return Infinity;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? Infinity;
}

const SECRETS =
  /^(?:keys|webhooks\.urls|redis\.url|turn\.(?:users|secrets|oauth\.keys|userSources\.(?:redis\.url|http\.authorization)))(?:\.|$)/;

/** True for API secrets, TURN passwords, TURN secrets, token keys and URLs that may have one in them: never printed. */
export function isSecret(path: Path): boolean {
  return SECRETS.test(path.join('.'));
}
