// Removes what was built, so that a package has nothing of files that are no more. Called by: npm, before it packs.

import { rm } from 'node:fs/promises';

await rm(new URL('../dist', import.meta.url), { recursive: true, force: true });
