// Reads a configuration file and remembers the line of every key. A file is at most 1 MiB; a key twice is an
// error.
// Called by: sources.ts.

import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { isMap, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import type { Document } from 'yaml';
import { ConfigError } from './config-error.ts';
import type { Path } from './keys.ts';

const FILE_BYTES_MAX = 1024 * 1024;

export interface YamlFile {
  values: Record<string, unknown>;
  /** The line of each key, and of each entry of a list. */
  lines: { path: Path; line: number }[];
}

/** @throws ConfigError on a file that cannot be read, is too large, is not YAML or not a map. */
export function readYamlFile(file: string, origin: string): YamlFile {
  const lineCounter = new LineCounter();
  const text = readText(file, 'config: expected a readable YAML file', origin);
  const document = parseDocument(text, {
    lineCounter,
    prettyErrors: false,
    uniqueKeys: true,
  });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem) {
    const { line } = lineCounter.linePos(problem.pos[0]);
    // A key's name is no secret; anything else in the text may be.
    const name = problem.code === 'DUPLICATE_KEY' ? wordAt(text, problem.pos[0]) : '';
    throw yamlError(`${file}:${line}`, problem.code, name);
  }
  const root: unknown = document.contents;
  if (root === null) return { values: {}, lines: [] };
  if (!isMap(root)) throw new ConfigError(`${file}:1: expected a map of keys`);
  const lines: YamlFile['lines'] = [];
  collectLines(root, [], lineCounter, lines);
  refuseLooseAlias(document, file, lineCounter);
  try {
    const values: unknown = document.toJS({ maxAliasCount: 100 });
    return { values: isRecord(values) ? values : {}, lines };
  } catch {
    throw new ConfigError(`${file}:1: expected YAML with few aliases`);
  }
}

/**
 * The text of a file of at most 1 MiB.
 * @param expected begins the complaint, such as "config: expected a readable YAML file"
 * @throws ConfigError
 */
export function readText(file: string, expected: string, origin: string): string {
  const cannot = (why: string): ConfigError =>
    new ConfigError(`${expected}, got ${why}: ${file} (${origin})`);
  let fd: number;
  try {
    // Without O_NONBLOCK a named pipe would wait for its writer.
    fd = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    throw cannot(reasonOf(error));
  }
  try {
    const stat = fstatSync(fd);
    if (stat.isDirectory()) throw cannot('a directory');
    if (!stat.isFile()) throw cannot('something that is not a regular file');
    if (stat.size > FILE_BYTES_MAX) throw cannot(`${stat.size} bytes (at most ${FILE_BYTES_MAX})`);
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(fd));
    if (text.includes('\0')) throw cannot('a binary file');
    return text;
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw cannot(error instanceof TypeError ? 'bytes that are not UTF-8' : reasonOf(error));
  } finally {
    closeSync(fd);
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'an error';
  const known: Record<string, string> = {
    ENOENT: 'no such file',
    ENOTDIR: 'no such file',
    EACCES: 'no permission to read',
    EPERM: 'no permission to read',
    EISDIR: 'a directory',
    ELOOP: 'a loop of links',
  };
  return known[code] ?? code;
}

// The parser's own messages may quote the file, and with it a secret: so only its code and our words are
// printed.
const YAML_PROBLEMS: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'each key once',
  BAD_INDENT: 'YAML (check the columns that lines start in, and closing brackets)',
  TAB_AS_INDENT: 'spaces, not tabs, before a key',
  MULTIPLE_DOCS: 'one document',
  BAD_ALIAS: 'text that starts with "*" in quotes',
  TAG_RESOLVE_FAILED: 'text that starts with "!" in quotes',
  MISSING_CHAR: 'YAML (a closing quote, bracket or colon is missing)',
  MULTILINE_IMPLICIT_KEY: 'YAML ("key: value" with a space after the colon)',
};

function yamlError(at: string, code: string, name: string): ConfigError {
  const got = name === '' ? '' : `, got "${name}" again`;
  return new ConfigError(`${at}: expected ${YAML_PROBLEMS[code] ?? 'YAML'}${got} (${code})`);
}

/** An alias that no anchor stands before: most likely text that starts with an asterisk. */
function refuseLooseAlias(document: Document, file: string, counter: LineCounter): void {
  visit(document, {
    Alias: (_key, alias) => {
      if (alias.resolve(document) !== undefined) return;
      throw yamlError(`${file}:${counter.linePos(alias.range?.[0] ?? 0).line}`, 'BAD_ALIAS', '');
    },
  });
}

function wordAt(text: string, offset: number): string {
  return /^["']?([\w.-]{0,64})/.exec(text.slice(offset, offset + 66))?.[1] ?? '';
}

/** A map, as far as this folder cares. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function collectLines(
  node: unknown,
  path: Path,
  counter: LineCounter,
  lines: YamlFile['lines'],
): void {
  if (isMap(node)) {
    for (const pair of node.items) {
      const name = isScalar(pair.key) ? String(pair.key.value) : '?';
      note(pair.key, [...path, name], counter, lines);
      collectLines(pair.value, [...path, name], counter, lines);
    }
  } else if (isSeq(node)) {
    node.items.forEach((item, i) => {
      note(item, [...path, String(i)], counter, lines);
      collectLines(item, [...path, String(i)], counter, lines);
    });
  }
}

function note(node: unknown, path: Path, counter: LineCounter, lines: YamlFile['lines']): void {
  const range: unknown =
    typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined;
  if (!Array.isArray(range) || typeof range[0] !== 'number') return;
  lines.push({ path, line: counter.linePos(range[0]).line });
}
