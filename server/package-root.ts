// Where the package lies on disk: its version and its built web page. From the sources and from dist/.
// Called by: server.ts and the commands.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const packageFile = z.object({ name: z.literal('sterna'), version: z.string() });

interface Package {
  root: string;
  version: string;
}

function find(): Package {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (folder !== dirname(folder)) {
    const file = join(folder, 'package.json');
    if (existsSync(file)) {
      const found = packageFile.safeParse(JSON.parse(readFileSync(file, 'utf8')));
      if (found.success) return { root: folder, version: found.data.version };
    }
    folder = dirname(folder);
  }
  throw new Error('package.json of sterna is not above this file');
}

const found = find();

export const VERSION: string = found.version;

/** The built page; undefined before `npm run build`. */
export function webRoot(): string | undefined {
  const folder = join(found.root, 'dist', 'web');
  return existsSync(join(folder, 'index.html')) ? folder : undefined;
}
