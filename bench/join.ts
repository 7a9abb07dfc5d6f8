// What it costs to join: on the server (message in, answer out) and in a browser (join() to connected and to the
// first frame). `npm run bench:join`; `-- --small` is the short run of the test suite. Needs Debian's Chromium and a
// build.

import { cpus } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { runBrowserJoins } from './join-browser.ts';
import type { BrowserJoinFigure } from './join-browser.ts';
import { runServerJoins } from './join-server.ts';
import type { Percentiles, ServerJoinFigure } from './join-server.ts';

export interface JoinFigures {
  readonly server: readonly ServerJoinFigure[];
  readonly browser: string;
  readonly browserJoins: readonly BrowserJoinFigure[];
}

/** A published figure for ICE and DTLS connected in a browser, loopback, median, milliseconds. */
const PUBLISHED_CONNECTED_MS = 66;

/** Measures both; `small` is a run of seconds whose figures are only there to be finite. */
export async function run(small: boolean): Promise<JoinFigures> {
  const server = await runServerJoins(built('bench/join-host.js'), small);
  const { browser, figures } = await runBrowserJoins(built('server/main.js'), small);
  return { server, browser, browserJoins: figures };
}

/** A file of dist/, from there and from the sources alike. */
function built(file: string): string {
  const here = new URL('.', import.meta.url);
  const dist = new URL(here.pathname.endsWith('/dist/bench/') ? '../' : '../dist/', here);
  return fileURLToPath(new URL(file, dist));
}

function print({ server, browser, browserJoins }: JoinFigures): void {
  console.log(`Node ${process.version}, ${browser}, ${cpus().length} x ${cpus()[0]?.model}`);
  console.log('\nServer, WebSocket on loopback: p50 / p99 in ms');
  const head = ['joins', 'in the server', 'join to joined', 'echo of bare ws', 'with connect'];
  console.log(`${''.padEnd(22)}${head.map((text) => text.padStart(17)).join('')}`);
  for (const { name, joins, handler, join, echo, whole } of server) {
    const figures = [handler, join, echo, whole].map((value) => both(value).padStart(17));
    console.log(`${name.padEnd(22)}${String(joins).padStart(17)}${figures.join('')}`);
  }
  console.log(
    '\nBrowser, from join() to ICE and DTLS connected and to the first frame: medians in ms',
  );
  const columns = ['runs', 'connected', 'to alone', `to ${PUBLISHED_CONNECTED_MS} ms`];
  const more = ['first frame', 'to alone'];
  console.log(`${''.padEnd(36)}${[...columns, ...more].map((text) => text.padStart(12)).join('')}`);
  for (const { path, runs, sdk, page, alone } of browserJoins) {
    const rows = [
      ['the SDK', sdk],
      ['the meeting page', page],
      ['alone: two connections in one page', alone],
    ] as const;
    console.log(path);
    for (const [name, { connectedMs, firstFrameMs }] of rows) {
      const cells = [
        String(runs),
        connectedMs.toFixed(1),
        ratio(connectedMs, alone.connectedMs),
        path === 'direct' ? ratio(connectedMs, PUBLISHED_CONNECTED_MS) : '',
        firstFrameMs.toFixed(1),
        ratio(firstFrameMs, alone.firstFrameMs),
      ];
      const line = cells.map((text) => text.padStart(12)).join('');
      console.log(`  ${name.padEnd(34)}${line}`);
    }
  }
}

function both({ p50, p99 }: Percentiles): string {
  return `${p50.toFixed(2)} / ${p99.toFixed(2)}`;
}

function ratio(value: number, to: number): string {
  return `${(value / to).toFixed(2)}x`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  print(await run(process.argv.includes('--small')));
}
