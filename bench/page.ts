// What the meeting page costs who opens it: bytes, requests, and how long until it is painted and can be used, on a
// fast line and as Lighthouse measures telephones (a slow line, a processor of a quarter). `npm run bench:page`;
// `-- --small` is the short run of the test suite. Needs Debian's Chromium and a build.

import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';
import { built } from './built.ts';
import { CHROMIUM, start } from './page-server.ts';

/** As of Lighthouse's mobile preset: 1.6 Mbit/s, a round trip of 150 ms, a processor of a quarter. */
const CONDITIONS = {
  desktop: { latency: 0, bytesPerSecond: -1, slowdown: 1 },
  telephone: { latency: 150, bytesPerSecond: 200_000, slowdown: 4 },
} as const;
type Condition = keyof typeof CONDITIONS;

export const PAGES = ['/', '/dashboard/'] as const;
const RUNS = 7;
/** What runs longer keeps the user waiting (Long Tasks). */
const LONG_TASK_MS = 50;

export interface PageFigure {
  readonly page: (typeof PAGES)[number];
  readonly condition: Condition;
  /** All that comes over the line, headers and all, without a cache. */
  readonly bytes: number;
  readonly requests: number;
  /** Medians, milliseconds since the navigation began. */
  readonly paintedMs: number;
  /** A button that the script has made ready is there, and no long task runs. */
  readonly usableMs: number;
  /** Of long tasks what is beyond 50 ms, until then. */
  readonly blockedMs: number;
}

type Load = Pick<PageFigure, 'bytes' | 'requests' | 'paintedMs' | 'usableMs' | 'blockedMs'>;

export async function run(small: boolean): Promise<PageFigure[]> {
  const server = await start(built('server/main.js'), true);
  const browser = await chromium.launch(CHROMIUM);
  try {
    const figures: PageFigure[] = [];
    for (const page of PAGES) {
      for (const condition of ['desktop', 'telephone'] as const) {
        const loads: Load[] = [];
        for (let i = 0; i < (small ? 1 : RUNS); i++) {
          // oxlint-disable-next-line no-await-in-loop -- one after the other is what is measured
          loads.push(await load(browser, new URL(page, server.url).href, condition));
        }
        const of = (key: keyof Load): number => median(loads.map((one) => one[key]));
        figures.push({
          page,
          condition,
          bytes: of('bytes'),
          requests: of('requests'),
          paintedMs: of('paintedMs'),
          usableMs: of('usableMs'),
          blockedMs: of('blockedMs'),
        });
      }
    }
    return figures;
  } finally {
    await browser.close();
    await server.close();
  }
}

/** With an empty cache. */
async function load(browser: Browser, url: string, condition: Condition): Promise<Load> {
  const { latency, bytesPerSecond, slowdown } = CONDITIONS[condition];
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const devtools = await context.newCDPSession(page);
    await devtools.send('Network.enable');
    await devtools.send('Network.emulateNetworkConditions', {
      offline: false,
      latency,
      downloadThroughput: bytesPerSecond,
      uploadThroughput: bytesPerSecond,
    });
    await devtools.send('Emulation.setCPUThrottlingRate', { rate: slowdown });
    let bytes = 0;
    let requests = 0;
    devtools.on('Network.requestWillBeSent', () => requests++);
    devtools.on('Network.loadingFinished', ({ encodedDataLength }) => {
      bytes += encodedDataLength;
    });
    await page.addInitScript(watchTasks);
    await page.goto(url);
    await page.locator('button:enabled:visible').first().waitFor();
    const times = await page.evaluate(timesOf, LONG_TASK_MS);
    return { bytes, requests, ...times };
  } finally {
    await context.close();
  }
}

declare global {
  interface Window {
    longTasks: { startTime: number; duration: number }[];
  }
}

/** Runs in the page. */
function watchTasks(): void {
  window.longTasks = [];
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) {
      window.longTasks.push({ startTime, duration });
    }
  }).observe({ type: 'longtask', buffered: true });
}

/** Runs in the page. */
function timesOf(longMs: number): Pick<Load, 'paintedMs' | 'usableMs' | 'blockedMs'> {
  const [painted] = performance.getEntriesByName('first-contentful-paint');
  const [navigation] = performance.getEntriesByType('navigation');
  const loadedMs =
    navigation instanceof PerformanceNavigationTiming ? navigation.domContentLoadedEventEnd : 0;
  const ends = window.longTasks.map(({ startTime, duration }) => startTime + duration);
  const beyond = window.longTasks.map(({ duration }) => Math.max(0, duration - longMs));
  return {
    paintedMs: painted?.startTime ?? 0,
    usableMs: Math.max(loadedMs, ...ends),
    blockedMs: beyond.reduce((sum, ms) => sum + ms, 0),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

function print(figures: readonly PageFigure[]): void {
  const head = ['kB', 'requests', 'painted ms', 'usable ms', 'blocked ms'];
  console.log(`${''.padEnd(24)}${head.map((text) => text.padStart(12)).join('')}`);
  for (const { page, condition, bytes, requests, paintedMs, usableMs, blockedMs } of figures) {
    const cells = [bytes / 1000, requests, paintedMs, usableMs, blockedMs].map((value, i) =>
      value.toFixed(i === 0 ? 1 : 0).padStart(12),
    );
    console.log(`${`${page} ${condition}`.padEnd(24)}${cells.join('')}`);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  print(await run(process.argv.includes('--small')));
}
