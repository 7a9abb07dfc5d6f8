// Where the build has put a file, for benches that start programs.

import { fileURLToPath } from 'node:url';

/** A file of dist/, from there and from the sources alike. */
export function built(file: string): string {
  const here = new URL('.', import.meta.url);
  const dist = new URL(here.pathname.endsWith('/dist/bench/') ? '../' : '../dist/', here);
  return fileURLToPath(new URL(file, dist));
}
