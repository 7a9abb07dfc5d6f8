// Bundles the page and the browser SDK into dist/web. Runs in every `npm start`, so it must be quick.
// Called by: npm run build. `--sizes` prints what a browser downloads; an SDK over its budget fails the
// build.

import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { build } from 'esbuild';

const SDK_GZIP_BYTES_MAX = 30_000;
const STATIC_FILES = ['index.html', 'style.css', 'favicon.svg'];

const root = fileURLToPath(new URL('..', import.meta.url));
const outdir = `${root}dist/web`;

await mkdir(outdir, { recursive: true });
await Promise.all([
  build({
    absWorkingDir: root,
    entryPoints: { app: 'web/main.ts', sterna: 'sdk/index.ts' },
    outdir,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    minify: true,
    sourcemap: true,
    legalComments: 'none',
    logLevel: 'warning',
  }),
  ...STATIC_FILES.map((name) => copyFile(`${root}web/${name}`, `${outdir}/${name}`)),
]);

async function gzippedBytes(name) {
  const compressed = await promisify(gzip)(await readFile(`${outdir}/${name}`), { level: 9 });
  return compressed.length;
}

const sdkBytes = await gzippedBytes('sterna.js');
if (process.argv.includes('--sizes')) {
  for (const name of ['sterna.js', 'app.js', 'style.css', 'index.html']) {
    console.log(`${name}  ${await gzippedBytes(name)} bytes gzipped`);
  }
}
if (sdkBytes > SDK_GZIP_BYTES_MAX) {
  console.error(`The SDK has ${sdkBytes} bytes gzipped, at most ${SDK_GZIP_BYTES_MAX} are allowed`);
  process.exitCode = 1;
}
