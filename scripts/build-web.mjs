// Bundles the page, the dashboard and the browser SDK into dist/web. Runs in every `npm start`, so it must be quick.
// Called by: npm run build. `--sizes` prints what a browser downloads; an SDK over its budget fails the
// build.

import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { build } from 'esbuild';

/** What the SDK loads when it is wanted, by the name that it has beside it. */
const APART = {
  'sdk/diagnosis-readings.ts': 'sterna-diagnosis',
  'sdk/e2ee/room-crypto.ts': 'sterna-e2ee',
};
const partsApart = {
  name: 'parts-apart',
  setup({ onResolve }) {
    onResolve({ filter: /\/(diagnosis-readings|room-crypto)\.ts$/ }, ({ kind, path }) => {
      const found = Object.entries(APART).find(([source]) => source.endsWith(path.slice(1)));
      return kind === 'dynamic-import' && found !== undefined
        ? { path: `./${found[1]}.js`, external: true }
        : undefined;
    });
  },
};

const SDK_GZIP_BYTES_MAX = 30_000;
const STATIC_FILES = ['favicon.svg', 'dashboard/index.html', 'dashboard/style.css'];

const root = fileURLToPath(new URL('..', import.meta.url));
const outdir = `${root}dist/web`;

await mkdir(`${outdir}/dashboard`, { recursive: true });
await Promise.all([
  build({
    absWorkingDir: root,
    entryPoints: {
      app: 'web/main.ts',
      'dashboard/app': 'web/dashboard/main.ts',
      style: 'web/style.css',
      sterna: 'sdk/index.ts',
      ...Object.fromEntries(Object.entries(APART).map(([source, name]) => [name, source])),
      'sterna-e2ee-worker': 'sdk/e2ee/sterna-e2ee-worker.ts',
    },
    outdir,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    minify: true,
    sourcemap: true,
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [partsApart],
  }),
  assemblePage(),
  ...STATIC_FILES.map((name) => copyFile(`${root}web/${name}`, `${outdir}/${name}`)),
]);

/** The page is written in parts, one for each thing that it shows: `<!-- include parts/chat.html -->`. */
async function assemblePage() {
  const page = await readFile(`${root}web/index.html`, 'utf8');
  const [first = '', ...rest] = page.split('<!-- include ');
  const filled = rest.map(async (text) => {
    const [name = '', after = ''] = text.split(' -->');
    return (await readFile(`${root}web/${name}`, 'utf8')) + after;
  });
  const whole = first + (await Promise.all(filled)).join('');
  await writeFile(`${outdir}/index.html`, whole.replaceAll(/\n\s+/g, '\n'));
}

/** What browsers take, ready to be sent; how many bytes the smaller form of each has. */
async function compressed(name) {
  const plain = await readFile(`${outdir}/${name}`);
  const [brotli, gzipped] = await Promise.all([
    promisify(brotliCompress)(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
    promisify(gzip)(plain, { level: 9 }),
  ]);
  await writeFile(`${outdir}/${name}.br`, brotli);
  await writeFile(`${outdir}/${name}.gz`, gzipped);
  return { name, gzipped: gzipped.length, brotli: brotli.length };
}

const scripts = ['app', 'dashboard/app', 'sterna', ...Object.values(APART), 'sterna-e2ee-worker'];
const names = [...scripts.map((name) => `${name}.js`), 'index.html', 'style.css', ...STATIC_FILES];
const sizes = await Promise.all(names.map(compressed));
if (process.argv.includes('--sizes')) {
  for (const { name, gzipped, brotli } of sizes) {
    console.log(`${name}  ${gzipped} bytes gzipped, ${brotli} by Brotli`);
  }
}
const sdkBytes = sizes.find(({ name }) => name === 'sterna.js').gzipped;
if (sdkBytes > SDK_GZIP_BYTES_MAX) {
  console.error(`The SDK has ${sdkBytes} bytes gzipped, at most ${SDK_GZIP_BYTES_MAX} are allowed`);
  process.exitCode = 1;
}
