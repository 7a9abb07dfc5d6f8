// The house rules that a machine can check (CONTRIBUTING.md). Every complaint names the file and the line.

import { describe, expect, test } from 'vitest';
import { readSources } from './source-files.ts';
import type { SourceFile } from './source-files.ts';

const LINES_MAX = 400;
const COLUMNS_MAX = 120;
const OPENING_LINES_MAX = 6;

/** Strings, templates and regular expressions: the formatter cannot cut them. */
const LITERAL = /'(?:[^'\\]|\\.){40,}'|`(?:[^`\\]|\\.){40,}`|\/(?:[^/\\\n]|\\.){40,}\/[a-z]*/g;

const code = readSources(/\.(?:ts|mjs)$/);
const scripts = readSources(/\.sh$/);

/** `path:line` of every line that matches. */
function places(files: readonly SourceFile[], pattern: RegExp): string[] {
  return files.flatMap(({ path, lines }) =>
    lines.flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}`] : [])),
  );
}

function inFolders(...folders: string[]): SourceFile[] {
  return code.filter(({ path }) => folders.some((folder) => path.startsWith(`${folder}/`)));
}

describe('files', () => {
  test(`have at most ${LINES_MAX} lines`, () => {
    const long = [...code, ...scripts].filter(({ lines }) => lines.length - 1 > LINES_MAX);
    expect(long.map(({ path, lines }) => `${path}: ${lines.length - 1} lines`)).toEqual([]);
  });

  test(`have lines of at most ${COLUMNS_MAX} columns, not counting a long literal`, () => {
    const long = code.flatMap(({ path, lines }) =>
      lines.flatMap((line, i) =>
        line.replaceAll(LITERAL, '').length > COLUMNS_MAX ? [`${path}:${i + 1}`] : [],
      ),
    );
    expect(long).toEqual([]);
  });

  test(`open with a comment of at most ${OPENING_LINES_MAX} lines that says what they are`, () => {
    // A test's name and titles say what it is.
    const told = code.filter(({ path }) => !path.endsWith('.test.ts'));
    const wrong = told.flatMap(({ path, lines }) => {
      const body = lines[0]?.startsWith('#!') === true ? lines.slice(1) : lines;
      const end = body.findIndex((line) => !line.startsWith('//'));
      return end >= 1 && end <= OPENING_LINES_MAX ? [] : [`${path}: ${end} lines`];
    });
    expect(wrong).toEqual([]);
  });

  test('are called by what they hold', () => {
    const vague = /(?:^|\/)(?:types|utils?|helpers?|common|misc|manager|info)\.ts$/;
    expect(code.filter(({ path }) => vague.test(path)).map(({ path }) => path)).toEqual([]);
    const odd = code.filter(({ path }) => !/^[a-z0-9./-]+$/.test(path));
    expect(odd.map(({ path }) => path)).toEqual([]);
  });

  test('end with one newline and have no tabs', () => {
    const wrong = code.filter(({ text }) => !/[^\n]\n$/.test(text) || text.includes('\t'));
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });
});

describe('code', () => {
  test('leaves nothing for later', () => {
    // The brackets keep this line from finding itself.
    expect(places([...code, ...scripts], /\b(?:TOD[O]|FIXM[E]|XX[X]|HAC[K])\b/)).toEqual([]);
  });

  test('reads the environment in one place', () => {
    const readers = code.filter(
      ({ path }) =>
        path !== 'server/main.ts' && !/^(?:shared\/config|bench|test|scripts)\//.test(path),
    );
    expect(places(readers, /\bprocess\.env\b/)).toEqual([]);
  });

  test('takes time and randomness as arguments in the protocol cores', () => {
    const cores = [...inFolders('turn', 'sfu', 'shared/stun')];
    const pattern =
      /\b(?:Date\.now|new Date|performance\.now|Math\.random|setTimeout|setInterval|setImmediate)\b/;
    expect(places(cores, pattern)).toEqual([]);
    expect(cores.length).toBeGreaterThan(20);
  });

  test('opens no socket in the protocol cores', () => {
    const cores = inFolders('turn', 'sfu', 'shared/stun');
    expect(places(cores, /from 'node:(?:dgram|net|tls|http|https|fs|worker_threads)'/)).toEqual([]);
  });

  test('makes no predictable numbers where they could be guessed', () => {
    const product = inFolders('shared', 'turn', 'sfu', 'signaling', 'gateway', 'server');
    expect(places(product, /\bMath\.random\b/)).toEqual([]);
  });

  test('has no default exports, enums or namespaces', () => {
    const product = code.filter(({ path }) => !path.startsWith('scripts/'));
    expect(
      places(product, /^export default\b|^(?:export )?(?:const )?enum\b|^namespace\b/),
    ).toEqual([]);
  });

  test('cites the current RFCs of STUN and TURN', () => {
    const old = /\bRFC (?:5389|5766|6156)\b/;
    const product = code.filter(({ path }) => !path.startsWith('test/'));
    const cited = product.flatMap(({ path, lines }) =>
      lines.flatMap((line, i) =>
        // Compatibility with clients of the old ones is a reason to name them.
        old.test(line) &&
        !/client|classic|saslprep/i.test(lines.slice(Math.max(0, i - 1), i + 2).join(' '))
          ? [`${path}:${i + 1}`]
          : [],
      ),
    );
    expect(cited).toEqual([]);
  });

  test('runs every test: none is focused or skipped', () => {
    const tests = inFolders('test');
    expect(places(tests, /\b(?:test|it|describe)\.(?:only|skip|todo|fails)\b/)).toEqual([]);
  });
});

describe('shell scripts', () => {
  test('stop at unset variables and failed pipes', () => {
    const loose = scripts.filter(({ text }) => !/^set -e?uo pipefail$/m.test(text));
    expect(loose.map(({ path }) => path)).toEqual([]);
    expect(scripts.length).toBeGreaterThan(1);
  });
});
