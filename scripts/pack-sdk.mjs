// Writes dist/sdk-package, the browser SDK as a package of its own: an ES module without dependencies, its types, and
// what npm wants beside them. The types of messages are made from their schemas, so that they need no zod.
// Usage: npm run pack:sdk && npm pack ./dist/sdk-package

import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { z } from 'zod';

const root = fileURLToPath(new URL('..', import.meta.url));
const built = join(root, 'dist');
const target = join(built, 'sdk-package');
const protocol = await import('../dist/signaling/protocol.js');
const PROTOCOL = join(built, 'signaling/protocol.d.ts');

const { version, license, engines } = JSON.parse(
  await readFile(join(root, 'package.json'), 'utf8'),
);

await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });
await build({
  absWorkingDir: root,
  // What is loaded when it is wanted becomes a file of its own; workers are found beside it by their names.
  entryPoints: { index: 'sdk/index.ts', ...(await workers()) },
  splitting: true,
  outdir: target,
  bundle: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  legalComments: 'none',
  logLevel: 'warning',
});
await copyTypes(join(built, 'sdk/index.d.ts'), new Set());
await copyFile(join(root, 'LICENSE'), join(target, 'LICENSE'));
await writeFile(join(target, 'README.md'), readme());
await writeFile(join(target, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`);

function manifest() {
  return {
    name: 'sterna-sdk',
    version,
    description: 'Browser SDK of Sterna: join rooms, publish and receive media and data',
    keywords: ['webrtc', 'sfu', 'sterna'],
    license,
    type: 'module',
    sideEffects: false,
    types: './types/sdk/index.d.ts',
    exports: {
      '.': { types: './types/sdk/index.d.ts', default: './index.js' },
      './package.json': './package.json',
    },
    files: ['*.js', 'types'],
    engines,
    publishConfig: { access: 'public', provenance: true },
  };
}

function readme() {
  return `# sterna-sdk

The browser SDK of Sterna, for applications that do not run the server from the same package. No dependencies.

\`\`\`js
import { join } from 'sterna-sdk';

const room = await join('https://meet.example.org', { token });
room.on('trackAdded', ({ participant, track }) => console.log(participant.name, track.kind));
await room.local.enableMicrophone();
\`\`\`

The version is that of the server it was made with. docs/sdk.md of the \`sterna\` package has all of it.
`;
}

async function workers() {
  const names = await readdir(join(root, 'sdk'), { recursive: true });
  const found = names.filter((name) => name.endsWith('-worker.ts'));
  return Object.fromEntries(found.map((name) => [basename(name, '.ts'), `sdk/${name}`]));
}

/** Of a file and all that it imports. Newer and older compilers alike know \`.js\`. */
async function copyTypes(file, seen) {
  if (seen.has(file)) return;
  seen.add(file);
  const text =
    file === PROTOCOL ? messageTypes(await readFile(file, 'utf8')) : await readFile(file, 'utf8');
  const specifiers = [...text.matchAll(/from '([^']+)'/g)].map(([, specifier]) => specifier);
  const foreign = specifiers.filter((specifier) => !specifier.startsWith('.'));
  if (foreign.length > 0) throw new Error(`${file} has the types of ${foreign.join()}`);
  const copy = join(target, 'types', relative(built, file));
  await mkdir(dirname(copy), { recursive: true });
  await writeFile(copy, text.replaceAll(/(from '\.[^']+)\.ts'/g, "$1.js'"));
  await Promise.all(
    specifiers.map((specifier) =>
      copyTypes(join(dirname(file), specifier.replace(/\.ts$/, '.d.ts')), seen),
    ),
  );
}

/** The same types with what the schemas say in place of the schemas. */
function messageTypes(text) {
  const withoutSchemas = text
    .replace(/^import \{ z \} from 'zod';\n/m, '')
    .replaceAll(/^(?:\/\*\*.*\*\/\n)?export declare const (\w+): z\.[\s\S]*?^\}.*;\n/gm, '');
  return withoutSchemas.replaceAll(/z\.infer<typeof (\w+)>/g, (_, name) =>
    typeOf(z.toJSONSchema(protocol[name], { io: 'output' })),
  );
}

/** TypeScript for as much of JSON Schema as the messages have. */
function typeOf(schema) {
  if ('const' in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.map(typeOf).join(' | ');
  switch (schema.type) {
    case 'string':
    case 'boolean':
    case 'null':
    case 'number':
      return schema.type;
    case 'integer':
      return 'number';
    case 'array':
      return `(${typeOf(schema.items)})[]`;
    case 'object':
      return objectType(schema);
    default:
      throw new Error(`no type for ${JSON.stringify(schema)}`);
  }
}

function objectType({ properties, required = [], additionalProperties }) {
  if (properties === undefined) return `Record<string, ${typeOf(additionalProperties)}>`;
  const fields = Object.entries(properties).map(([name, schema]) =>
    required.includes(name)
      ? `${JSON.stringify(name)}: ${typeOf(schema)}`
      : `${JSON.stringify(name)}?: ${typeOf(schema)} | undefined`,
  );
  return `{ ${fields.join('; ')} }`;
}
