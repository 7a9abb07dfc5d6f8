// What it costs to join: on the server (message in, answer out) and in a browser (join() to connected and to the
// first frame). `npm run bench:join`; `-- --small` is the short run of the test suite. Needs Debian's Chromium and a
// build.

import { cpus } from 'node:os';
import { pathToFileURL } from 'node:url';
import { built } from './built.ts';
import { JOIN_KINDS, runBrowserJoins } from './join-browser.ts';
import type { BrowserJoinFigure, JoinKind } from './join-browser.ts';
import { runServerJoins } from './join-server.ts';
import type { ServerJoinFigure } from './join-server.ts';
import type { Percentiles } from './percentiles.ts';

export interface JoinFigures {
  readonly server: readonly ServerJoinFigure[];
  readonly browser: string;
  readonly browserJoins: readonly BrowserJoinFigure[];
}

/** A published figure for ICE and DTLS connected in a browser, loopback, median, milliseconds. */
const PUBLISHED_CONNECTED_MS = 66;
/** What two Chromiums take without a server between them, at best. */
const FIRST_FRAME_MS = 300;

/** What is said while it runs; nothing in tests. */
export interface JoinReport {
  onServer(figures: readonly ServerJoinFigure[]): void;
  onBrowser(figure: BrowserJoinFigure): void;
}

/** Measures both; `small` is a run of seconds whose figures are only there to be finite. */
export async function run(small: boolean, report?: JoinReport): Promise<JoinFigures> {
  const server = await runServerJoins(built('bench/join-host.js'), small);
  report?.onServer(server);
  const { browser, figures } = await runBrowserJoins(built('server/main.js'), small, (figure) =>
    report?.onBrowser(figure),
  );
  return { server, browser, browserJoins: figures };
}

function printServer(figures: readonly ServerJoinFigure[]): void {
  console.log('\nServer, WebSocket on loopback: p50 / p99 in ms');
  const head = ['joins', 'in the server', 'join to joined', 'echo of bare ws', 'with connect'];
  console.log(`${''.padEnd(22)}${head.map((text) => text.padStart(17)).join('')}`);
  for (const { name, joins, handler, join, echo, whole } of figures) {
    const cells = [handler, join, echo, whole].map((value) => both(value).padStart(17));
    console.log(`${name.padEnd(22)}${String(joins).padStart(17)}${cells.join('')}`);
  }
  console.log('\nBrowser, from join() on: medians in ms');
  const columns = ['joined', 'connected', `to ${PUBLISHED_CONNECTED_MS} ms`, 'to alone'];
  const more = ['first frame', `to ${FIRST_FRAME_MS} ms`, 'to alone'];
  console.log(`${''.padEnd(36)}${[...columns, ...more].map((text) => text.padStart(12)).join('')}`);
}

const NAMES: Readonly<Record<JoinKind, string>> = {
  sdk: 'the SDK',
  page: 'the meeting page',
  mesh: 'the SDK, from peer to peer',
  alone: 'alone: two connections in one page',
};

function printBrowser({ path, runs, times }: BrowserJoinFigure): void {
  console.log(`${path}, ${runs} runs`);
  for (const kind of JOIN_KINDS) {
    const { joinedMs, connectedMs, firstFrameMs } = times[kind];
    const cells = [
      Number.isNaN(joinedMs) ? '' : joinedMs.toFixed(1),
      connectedMs.toFixed(1),
      ratio(connectedMs, PUBLISHED_CONNECTED_MS),
      ratio(connectedMs, times.alone.connectedMs),
      firstFrameMs.toFixed(1),
      ratio(firstFrameMs, FIRST_FRAME_MS),
      ratio(firstFrameMs, times.alone.firstFrameMs),
    ];
    console.log(`  ${NAMES[kind].padEnd(34)}${cells.map((text) => text.padStart(12)).join('')}`);
  }
}

function both({ p50, p99 }: Percentiles): string {
  return `${p50.toFixed(2)} / ${p99.toFixed(2)}`;
}

function ratio(value: number, to: number): string {
  return `${(value / to).toFixed(2)}x`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model}`);
  const { browser } = await run(process.argv.includes('--small'), {
    onServer: printServer,
    onBrowser: printBrowser,
  });
  console.log(browser);
}
