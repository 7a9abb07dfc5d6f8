// How long a browser takes from join() to connected and to the first decoded frame of somebody who is in the room
// already: through a real `sterna serve` that forwards media, directly and through its relay; beside it one that does
// not, and two connections of one page that signal by function calls, which is what the browser alone costs.
// Called by: join.ts.

import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import {
  callAlone,
  callTimes,
  isConnected,
  joinBySdk,
  loadSdk,
  prepareSdk,
  previewPlays,
  watchConnections,
} from './join-page.ts';
import type { CallTimes } from './join-page.ts';
import { CHROMIUM, start } from './page-server.ts';
import type { Started } from './page-server.ts';

export const JOIN_KINDS = ['sdk', 'page', 'mesh', 'alone'] as const;
export type JoinKind = (typeof JOIN_KINDS)[number];

export interface BrowserJoinFigure {
  readonly path: 'direct' | 'relay';
  readonly runs: number;
  /**
   * Medians in milliseconds since join(): `sdk` of a page that calls it and draws nothing, `page` of the meeting page,
   * `mesh` as `sdk` where the server forwards no media; `alone` of the browser by itself, since its first
   * `new RTCPeerConnection`.
   */
  readonly times: Readonly<Record<JoinKind, CallTimes>>;
}

const RUNS = 9;

/** `onFigure` gets each path's figures when they are there. */
export async function runBrowserJoins(
  mainFile: string,
  small: boolean,
  onFigure: (figure: BrowserJoinFigure) => void,
): Promise<{ browser: string; figures: BrowserJoinFigure[] }> {
  const servers: Started[] = [];
  let browser: Browser | undefined;
  try {
    const sfu = await start(mainFile, true);
    servers.push(sfu);
    const mesh = await start(mainFile, false);
    servers.push(mesh);
    browser = await chromium.launch(CHROMIUM);
    const bench = new BrowserBench(browser, sfu, mesh);
    const figures: BrowserJoinFigure[] = [];
    for (const path of ['direct', 'relay'] as const) {
      // oxlint-disable-next-line no-await-in-loop -- a bench runs one thing at a time
      const figure = await bench.measure(path, small ? 1 : RUNS);
      figures.push(figure);
      onFigure(figure);
    }
    return { browser: `Chromium ${browser.version()}`, figures };
  } finally {
    await browser?.close();
    await Promise.all(servers.map((server) => server.close()));
  }
}

class BrowserBench {
  readonly #browser: Browser;
  readonly #sfu: Started;
  readonly #mesh: Started;
  #rooms = 0;

  constructor(browser: Browser, sfu: Started, mesh: Started) {
    this.#browser = browser;
    this.#sfu = sfu;
    this.#mesh = mesh;
  }

  /** They take turns; the first round is for the browser's caches and not counted. */
  async measure(path: BrowserJoinFigure['path'], runs: number): Promise<BrowserJoinFigure> {
    const rounds: Record<JoinKind, CallTimes>[] = [];
    for (let run = runs > 1 ? -1 : 0; run < runs; run++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other is what is measured
      const round = await this.#round(path === 'relay');
      if (run >= 0) rounds.push(round);
    }
    const of = (kind: JoinKind): CallTimes => medians(rounds.map((round) => round[kind]));
    const times = { sdk: of('sdk'), page: of('page'), mesh: of('mesh'), alone: of('alone') };
    return { path, runs, times };
  }

  async #round(relayOnly: boolean): Promise<Record<JoinKind, CallTimes>> {
    return {
      sdk: await this.#joinBySdk(this.#sfu, relayOnly),
      page: await this.#joinByPage(relayOnly),
      mesh: await this.#joinBySdk(this.#mesh, relayOnly),
      alone: await this.#alone(relayOnly),
    };
  }

  /** Somebody publishes in the room; an application calls join() while its user looks at the preview. */
  async #joinBySdk(server: Started, relayOnly: boolean): Promise<CallTimes> {
    const room = `bench-${this.#rooms++}`;
    const first = await this.#preview(server);
    await first.evaluate(joinBySdk, { room, identity: 'ada', relayOnly });
    if (server === this.#sfu) await first.waitForFunction(isConnected);
    const second = await this.#preview(server);
    await second.evaluate(joinBySdk, { room, identity: 'bob', relayOnly });
    return this.#finish(second, first);
  }

  /** Somebody publishes in the room; another one looks at the preview, then presses Join. */
  async #joinByPage(relayOnly: boolean): Promise<CallTimes> {
    const query = `room=bench-${this.#rooms++}${relayOnly ? '&relay=1' : ''}`;
    const first = await this.#preview(this.#sfu, `${query}&name=Ada`);
    await first.getByTestId('join').click();
    await first.waitForFunction(isConnected);
    const second = await this.#preview(this.#sfu, `${query}&name=Bob`);
    await second.getByTestId('join').click();
    return this.#finish(second, first);
  }

  /** The same page, so the same warm engine and devices, but nobody joins. */
  async #alone(relayOnly: boolean): Promise<CallTimes> {
    const page = await this.#preview(this.#sfu);
    const relay = { iceServers: this.#sfu.turn, iceTransportPolicy: 'relay' } as const;
    await page.evaluate(callAlone, relayOnly ? relay : {});
    return this.#finish(page);
  }

  async #finish(page: Page, ...others: Page[]): Promise<CallTimes> {
    const times = await page.evaluate(callTimes);
    await Promise.all([page, ...others].map((one) => one.context().close()));
    return times;
  }

  /** The page before the join, its camera on. */
  async #preview({ url }: Started, query = 'room=nobody&name=Nobody'): Promise<Page> {
    const context = await this.#browser.newContext({ permissions: ['camera', 'microphone'] });
    const page = await context.newPage();
    await page.addInitScript(watchConnections);
    await page.goto(`${url}/?${query}`);
    await page.waitForFunction(previewPlays);
    await page.evaluate(loadSdk);
    await page.evaluate(prepareSdk);
    return page;
  }
}

function medians(times: readonly CallTimes[]): CallTimes {
  const of = (name: keyof CallTimes): number => {
    const sorted = times.map((one) => one[name]).toSorted((a, b) => a - b);
    return sorted[sorted.length >> 1] ?? Number.NaN;
  };
  return {
    joinedMs: of('joinedMs'),
    connectedMs: of('connectedMs'),
    firstFrameMs: of('firstFrameMs'),
  };
}
