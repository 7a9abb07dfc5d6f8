// Runs once before the system tests: builds what is missing or stale, and fails with the names of missing
// Debian packages. Nothing is skipped for want of a tool.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The folders that have a build of their own. */
const SOURCES = ['shared', 'turn', 'sfu', 'signaling', 'gateway', 'server', 'sdk', 'bench'];

/** What the tests start or load, and the Debian package that has it. */
const TOOLS = new Map(
  readFileSync(join(ROOT, 'scripts/tools.txt'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line): [string, string] => {
      const [tool = '', name = ''] = line.split(' ');
      return [tool, name];
    }),
);

export function setup(): void {
  const missing = [...TOOLS.keys()].filter((tool) => !isThere(tool));
  if (missing.length > 0) {
    const packages = [...new Set(missing.map((tool) => TOOLS.get(tool)))].join(' ');
    throw new Error(
      `The system tests need ${missing.join(', ')}: sudo apt-get install --no-install-recommends ${packages}`,
    );
  }
  if (isStale()) build();
}

/** Whether a folder has changed since its own build, or what the page is made of since the page's. */
function isStale(): boolean {
  const page = newest(['sdk', 'web', 'signaling']) > changed('dist/web/app.js');
  return (
    page || SOURCES.some((folder) => newest([folder]) > changed(`dist/${folder}/.tsbuildinfo`))
  );
}

/** A command, or a path in which `*` stands for the folder that has the name of the machine's kind. */
function isThere(tool: string): boolean {
  const [before = '', after] = tool.split('*');
  if (after !== undefined)
    return readdirSync(before).some((name) => existsSync(`${before}${name}${after}`));
  if (tool.startsWith('/')) return existsSync(tool);
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.some((folder) => folder !== '' && existsSync(join(folder, tool)));
}

/** When the last change of any source in these folders was, milliseconds. */
function newest(folders: readonly string[]): number {
  const times = folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(?:ts|html|css|svg|json)$/.test(entry.name))
      .map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs),
  );
  return Math.max(0, ...times);
}

/** When an output was made; 0 when it is missing. */
function changed(file: string): number {
  return statSync(join(ROOT, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function build(): void {
  run('node_modules/typescript/bin/tsc', '-b');
  run('scripts/build-web.mjs');
}

function run(file: string, ...args: string[]): void {
  execFileSync(process.execPath, [join(ROOT, file), ...args], { cwd: ROOT, stdio: 'inherit' });
}
