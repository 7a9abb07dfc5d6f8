// Writes sterna.schema.json, the JSON Schema of the configuration for editors, from the built zod schema.
// Usage: npm run build && node scripts/generate-schema.mjs

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { settingsJsonSchema } from '../dist/shared/config/schema.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const file = `${root}sterna.schema.json`;
writeFileSync(file, `${JSON.stringify(settingsJsonSchema(), null, 2)}\n`);
execFileSync(process.execPath, [`${root}node_modules/oxfmt/bin/oxfmt`, file], { stdio: 'inherit' });
