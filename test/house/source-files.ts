// The sources that the house tests read: every file of the project's own folders, with its lines.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The folders of the layout, in the order of their layers. */
const FOLDERS = [
  'shared',
  'turn',
  'sfu',
  'signaling',
  'gateway',
  'server',
  'sdk',
  'web',
  'bench',
  'test',
  'scripts',
] as const;

export interface SourceFile {
  /** Relative to the root, with forward slashes. */
  path: string;
  text: string;
  lines: string[];
}

export function readSources(pattern: RegExp, folders: readonly string[] = FOLDERS): SourceFile[] {
  const paths = folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && pattern.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length).replaceAll('\\', '/')),
  );
  return paths.toSorted().map((path) => {
    const text = readFileSync(join(ROOT, path), 'utf8');
    return { path, text, lines: text.split('\n') };
  });
}

export function readRootFile(name: string): string {
  return readFileSync(join(ROOT, name), 'utf8');
}
