// Lets the built command line be run by its name: the compiler writes files that are not executable, and npm sets the
// mode when it links the package, not when that is built anew. Called by: npm run build, test.sh.

import { chmod } from 'node:fs/promises';

await chmod(new URL('../dist/server/main.js', import.meta.url), 0o755);
