// A program of the tests that runs as a process or a thread of its own: bundled with what it imports of ours, packages
// left out. Node 20 loads no TypeScript by itself.

import { buildSync } from 'esbuild';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The path of the JavaScript that `source` becomes. In `dist`, where the packages are found. */
export function program(source: URL): string {
  const file = fileURLToPath(source);
  const outfile = fileURLToPath(
    new URL(`../../dist/test-programs/${basename(file, '.ts')}.js`, import.meta.url),
  );
  buildSync({
    entryPoints: [file],
    outfile,
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
  });
  return outfile;
}
