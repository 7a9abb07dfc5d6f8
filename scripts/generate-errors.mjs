// Writes docs/errors.md, every reason that Sterna gives and what to do about it: from the table of codes, from that
// of the SDK, and for what only HTTP says from the tables of docs/http-api.md and docs/whip.md. Fails when a reason
// in the code is in none of them.
// Usage: node scripts/generate-errors.mjs [--print]; `--print` is for test/house/errors-doc, which compares.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (name) => readFileSync(`${root}${name}`, 'utf8');

/** What a program does about a refusal that says so. */
const RETRY = { now: 'try again', later: 'try again later', never: 'mend the cause first' };

const { CODES, LOCAL_REASONS } = await tables();
const http = httpReasons();
check();
const page = `# Error codes

Every refusal has a \`reason\`, which is stable and for programs. It is the same in \`error\` and \`bye\` over the
WebSocket, in the problem details of HTTP (RFC 9457), and in \`SternaClientError\` of the SDK. This page is made by
\`node scripts/generate-errors.mjs\` from what the code has.

- [Signaling, and HTTP with it](#signaling-and-http-with-it)
- [HTTP alone](#http-alone)
- [The SDK alone](#the-sdk-alone)

What TURN refuses has the numbers of RFC 8489 and RFC 8656 ([turn.md](turn.md)), what the command line refuses has [exit
codes](operations.md#exit-codes). Of getUserMedia the SDK hands on the browser's own errors: see [why is my video
black](black-video.md).

## Signaling, and HTTP with it

The code is in \`error\` and \`bye\` and closes the WebSocket; HTTP is the status of a refused upgrade or API
call. After a close do what the action says: resume the session, join anew with a token, or stop. The SDK does all
of this by itself.

| Reason | Code | HTTP | Again | After a close | Meaning |
| --- | --- | --- | --- | --- | --- |
${Object.entries(CODES)
  .map(
    ([reason, { code, http: status, retry, action, summary }]) =>
      `| \`${reason}\` | ${code} | ${status} | ${RETRY[retry]} | \`${action}\` | ${summary} |`,
  )
  .join('\n')}

## HTTP alone

Where an answer has \`Retry-After\`, come back after so many seconds; without it the request has to change first.

| Reason | HTTP | Meaning |
| --- | --- | --- |
${[...http]
  .filter(([reason]) => !Object.hasOwn(CODES, reason))
  .toSorted(([a], [b]) => (a < b ? -1 : 1))
  .map(
    ([reason, { statuses, when }]) =>
      `| \`${reason}\` | ${[...statuses].join(', ')} | ${when.join('; ')} |`,
  )
  .join('\n')}

## The SDK alone

With \`code\` 0, which no server sends.

| Reason | Again | Meaning |
| --- | --- | --- |
${Object.entries(LOCAL_REASONS)
  .map(([reason, { retry, summary }]) => `| \`${reason}\` | ${RETRY[retry]} | ${summary} |`)
  .join('\n')}
`;
if (process.argv.includes('--print')) process.stdout.write(page);
else writeFileSync(`${root}docs/errors.md`, page);

/** The tables of the sources themselves, so that this needs no build. */
async function tables() {
  const { outputFiles } = await build({
    absWorkingDir: root,
    stdin: {
      contents: `export { CODES } from './signaling/codes.ts';
        export { LOCAL_REASONS } from './sdk/errors.ts';`,
      resolveDir: root,
    },
    bundle: true,
    format: 'esm',
    write: false,
  });
  const [{ text }] = outputFiles;
  return import(`data:text/javascript,${encodeURIComponent(text)}`);
}

/** Rows `| status | reason, reason | when |` of the two documents of HTTP. */
function httpReasons() {
  const found = new Map();
  for (const document of ['docs/http-api.md', 'docs/whip.md']) {
    const rows = read(document).matchAll(/^\| ([\d, ]+) \| ([A-Z_`, ]+) \| (.*) \|$/gm);
    for (const [, statuses, reasons, when] of rows) {
      for (const reason of reasons.replaceAll('`', '').split(', ')) {
        const row = found.get(reason) ?? { statuses: new Set(), when: [] };
        for (const status of statuses.split(', ')) row.statuses.add(Number(status));
        // What WHIP says of a reason that the API has, too, is in its own document.
        if (document === 'docs/http-api.md' || row.when.length === 0) row.when.push(when);
        found.set(reason, row);
      }
    }
  }
  return found;
}

/** Every reason that a source names is in a table. */
function check() {
  const sources = ['gateway', 'server', 'signaling/whip'].flatMap((folder) =>
    readdirSync(`${root}${folder}`, { recursive: true })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${folder}/${name}`),
  );
  const unknown = sources.flatMap((file) =>
    [...read(file).matchAll(/(?:Problem|whipRefusal|refuse)\(\s*(?:\d+,\s*)?'([A-Z_]+)'/g)]
      .map(([, reason]) => reason)
      .filter((reason) => !Object.hasOwn(CODES, reason) && !http.has(reason))
      .map((reason) => `${file}: ${reason}`),
  );
  if (unknown.length === 0) return;
  throw new Error(`not in docs/http-api.md or docs/whip.md:\n${unknown.join('\n')}`);
}
