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
  console.log('\nBrowser, from join(): medians in ms; "alone" is two connections of one page');
  const columns = ['runs', 'connected', 'alone', 'ratio', `to ${PUBLISHED_CONNECTED_MS} ms`];
  const more = ['first frame', 'alone', 'ratio'];
  console.log(`${''.padEnd(10)}${[...columns, ...more].map((text) => text.padStart(12)).join('')}`);
  for (const { path, runs, sterna, alone } of browserJoins) {
    const row = [
      String(runs),
      sterna.connectedMs.toFixed(1),
      alone.connectedMs.toFixed(1),
      ratio(sterna.connectedMs, alone.connectedMs),
      path === 'direct' ? ratio(sterna.connectedMs, PUBLISHED_CONNECTED_MS) : '',
      sterna.firstFrameMs.toFixed(1),
      alone.firstFrameMs.toFixed(1),
      ratio(sterna.firstFrameMs, alone.firstFrameMs),
    ];
    console.log(`${path.padEnd(10)}${row.map((text) => text.padStart(12)).join('')}`);
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
