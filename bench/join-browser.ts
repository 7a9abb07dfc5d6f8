// How long a browser takes from join() to connected and to the first decoded frame of the other one, through a real
// `sterna serve`, directly and through its relay; beside it two connections of one page that signal by function
// calls, which is what the browser alone costs. Called by: join.ts.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { z } from 'zod';
import {
  callAlone,
  callTimes,
  joinBySdk,
  loadSdk,
  prepareSdk,
  previewPlays,
  watchConnections,
} from './join-page.ts';
import type { CallTimes, IceServers } from './join-page.ts';

export interface BrowserJoinFigure {
  readonly path: 'direct' | 'relay';
  readonly runs: number;
  /** Medians in milliseconds since join(), called by a page that shows nothing but its camera. */
  readonly sdk: CallTimes;
  /** The same of the meeting page, which draws the meeting meanwhile. */
  readonly page: CallTimes;
  /** The same of the browser alone, since its first `new RTCPeerConnection`. */
  readonly alone: CallTimes;
}

const RUNS = 11;
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--allow-loopback-in-peer-connection',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
];

const readyLine = z.looseObject({ event: z.literal('server.ready'), url: z.string() });
const listenersLine = z.looseObject({ listeners: z.array(z.string()) });

export async function runBrowserJoins(
  mainFile: string,
  small: boolean,
): Promise<{ browser: string; figures: BrowserJoinFigure[] }> {
  const user = { username: 'bench', credential: randomBytes(12).toString('hex') };
  const server = spawn(process.execPath, [mainFile, 'serve'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      STERNA_GATEWAY_PORT: '0',
      STERNA_TURN_LISTENERS: 'udp://127.0.0.1:0',
      STERNA_SFU_PORT: '0',
      STERNA_SFU_TCP_PORT: '0',
      STERNA_TURN_SECRETS: randomBytes(16).toString('hex'),
      // For the browser alone, which asks nobody for a credential.
      STERNA_TURN_USERS: `${user.username}=${user.credential}`,
    },
  });
  let browser: Browser | undefined;
  try {
    const { url, turn } = await started(server);
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: FLAGS });
    const bench = new BrowserBench(browser, url, [{ urls: turn, ...user }]);
    const figures: BrowserJoinFigure[] = [];
    for (const path of ['direct', 'relay'] as const) {
      // oxlint-disable-next-line no-await-in-loop -- a bench runs one thing at a time
      figures.push(await bench.measure(path, small ? 1 : RUNS));
    }
    return { browser: `Chromium ${browser.version()}`, figures };
  } finally {
    await browser?.close();
    server.kill('SIGTERM');
    await new Promise((resolve) => server.once('close', resolve));
  }
}

/** Resolves with the URLs of the page and of TURN that the log of the server names. */
async function started(server: ChildProcess): Promise<{ url: string; turn: string }> {
  if (server.stdout === null) throw new Error('the server has no standard output');
  for await (const line of createInterface({ input: server.stdout })) {
    if (!line.includes('"server.ready"')) continue;
    // Nobody reads on, so the pipe must not fill.
    server.stdout.resume();
    const { url } = readyLine.parse(JSON.parse(line));
    const [listener = ''] = listenersLine.parse(JSON.parse(line)).listeners;
    return { url, turn: `${listener.replace('udp://', 'turn:')}?transport=udp` };
  }
  throw new Error('the server ended before it was ready');
}

class BrowserBench {
  readonly #browser: Browser;
  readonly #url: string;
  readonly #turn: IceServers;
  #rooms = 0;

  constructor(browser: Browser, url: string, turn: IceServers) {
    this.#browser = browser;
    this.#url = url;
    this.#turn = turn;
  }

  /** They take turns; the first round is for the browser's caches and not counted. */
  async measure(path: BrowserJoinFigure['path'], runs: number): Promise<BrowserJoinFigure> {
    const times = { sdk: [] as CallTimes[], page: [] as CallTimes[], alone: [] as CallTimes[] };
    for (let run = runs > 1 ? -1 : 0; run < runs; run++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other is what is measured
      const round = await this.#round(path);
      if (run < 0) continue;
      times.sdk.push(round.sdk);
      times.page.push(round.page);
      times.alone.push(round.alone);
    }
    const { sdk, page, alone } = times;
    return { path, runs, sdk: medians(sdk), page: medians(page), alone: medians(alone) };
  }

  async #round(path: string): Promise<Record<'sdk' | 'page' | 'alone', CallTimes>> {
    return {
      sdk: await this.#sdk(path),
      page: await this.#page(path),
      alone: await this.#alone(path),
    };
  }

  /** Somebody is in the room; an application calls join() while its user looks at the preview. */
  async #sdk(path: string): Promise<CallTimes> {
    const [first, second] = [await this.#preview(), await this.#preview()];
    const room = `bench-${this.#rooms++}`;
    const relayOnly = path === 'relay';
    await first.evaluate(joinBySdk, { room, identity: 'ada', relayOnly });
    await second.evaluate(joinBySdk, { room, identity: 'bob', relayOnly });
    return this.#finish(second, first);
  }

  /** Somebody is in the room; another one looks at the preview, then presses Join. */
  async #page(path: string): Promise<CallTimes> {
    const query = `room=bench-${this.#rooms++}${path === 'relay' ? '&relay=1' : ''}`;
    const first = await this.#preview(`${query}&name=Ada`);
    await first.getByTestId('join').click();
    await first.getByTestId('meeting').waitFor();
    const second = await this.#preview(`${query}&name=Bob`);
    await second.getByTestId('join').click();
    return this.#finish(second, first);
  }

  /** The same page, so the same warm engine and devices, but nobody joins. */
  async #alone(path: string): Promise<CallTimes> {
    const page = await this.#preview();
    const relay = { iceServers: this.#turn, iceTransportPolicy: 'relay' } as const;
    await page.evaluate(callAlone, path === 'relay' ? relay : {});
    return this.#finish(page);
  }

  async #finish(page: Page, ...others: Page[]): Promise<CallTimes> {
    const times = await page.evaluate(callTimes);
    await Promise.all([page, ...others].map((one) => one.context().close()));
    return times;
  }

  /** The page before the join, its camera on. */
  async #preview(query = 'room=nobody&name=Nobody'): Promise<Page> {
    const context = await this.#browser.newContext({ permissions: ['camera', 'microphone'] });
    const page = await context.newPage();
    await page.addInitScript(watchConnections);
    await page.goto(`${this.#url}/?${query}`);
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
  return { connectedMs: of('connectedMs'), firstFrameMs: of('firstFrameMs') };
}
