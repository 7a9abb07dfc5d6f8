// The meeting page in a real Chromium, looked at from outside: what it shows, what its RTCPeerConnections count, what
// goes over its WebSocket, and everything that goes wrong in it.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BrowserContextOptions, Locator, Page } from 'playwright-core';
import type { ServerMessage } from '../../../signaling/protocol.ts';
import type { Chromium } from '../chromium.ts';

const RESULTS = fileURLToPath(new URL('../../../test-results/', import.meta.url));

declare global {
  interface Window {
    /** Every connection that the page has made. */
    connections: RTCPeerConnection[];
    reportViolation: (text: string) => void;
  }
}

export interface LinkSample {
  state: RTCPeerConnectionState;
  framesDecoded: number;
  audioSamples: number;
  local: string;
  remote: string;
  /** `127.0.0.1:1234` or `[::1]:1234`. */
  localAddress: string;
  remoteAddress: string;
  /** Between the browser and its relay: udp, tcp or tls. */
  relayProtocol: string;
}

export interface MeetingJoin {
  room?: string;
  name: string;
  relay?: boolean;
  /** The most pictures to receive at once. */
  slots?: number;
  /** Its size, colours and kind. */
  window?: BrowserContextOptions;
}

export class MeetingPage {
  readonly page: Page;
  readonly name: string;
  /** Console errors, uncaught errors, violations of the content security policy, failed downloads. */
  readonly problems: string[] = [];
  /** Messages of the server, over all WebSockets of the page. */
  readonly received: ServerMessage[] = [];
  sockets = 0;

  private constructor(page: Page, name: string) {
    this.page = page;
    this.name = name;
    page.on('console', (message) => {
      if (message.type() === 'error') this.problems.push(`console: ${message.text()}`);
    });
    page.on('pageerror', (error) => this.problems.push(`uncaught: ${String(error)}`));
    page.on('requestfailed', (request) => this.problems.push(`failed: ${request.url()}`));
    page.on('websocket', (socket) => {
      this.sockets += 1;
      socket.on('framereceived', ({ payload }) => {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own server's
        this.received.push(JSON.parse(payload.toString()) as ServerMessage);
      });
    });
  }

  /** Opens the page as the link says and waits until it is in the meeting. */
  static async join(
    browser: Chromium,
    origin: string,
    { room = 'e2e', name, relay = false, slots, window: look }: MeetingJoin,
  ): Promise<MeetingPage> {
    const page = await browser.open('about:blank', { ...look, before: watchPage });
    const meeting = new MeetingPage(page, name);
    await page.exposeFunction('reportViolation', (text: string) => {
      meeting.problems.push(`policy: ${text}`);
    });
    const url = new URL('/', origin);
    url.search = new URLSearchParams({ room, name, autojoin: '1' }).toString();
    if (relay) url.searchParams.set('relay', '1');
    if (slots !== undefined) url.searchParams.set('slots', String(slots));
    await page.goto(url.href);
    await page.getByTestId('meeting').waitFor();
    return meeting;
  }

  /** The tile of another participant. */
  tile(name: string): Locator {
    return this.page
      .getByTestId('tile')
      .filter({ has: this.page.getByTestId('tile-name').getByText(name, { exact: true }) });
  }

  get banner(): Locator {
    return this.page.getByTestId('banner');
  }

  /** The last `joined`, whether of a join or of a resume. */
  get joined(): Extract<ServerMessage, { type: 'joined' }> | undefined {
    return this.received.findLast((message) => message.type === 'joined');
  }

  /** One for each open connection. */
  links(): Promise<LinkSample[]> {
    return this.page.evaluate(sampleLinks);
  }

  /** Waits until there are `count` connections and each decodes video. */
  async sees(count: number): Promise<void> {
    const until = Date.now() + 20_000;
    for (;;) {
      const links = await this.links();
      if (links.length === count && links.every(({ framesDecoded }) => framesDecoded > 0)) return;
      if (Date.now() > until) {
        throw new Error(`${this.name} does not see ${count}: ${JSON.stringify(links)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Waits until the picture of that tile moves. */
  async seesMoving(name: string): Promise<void> {
    await this.tile(name)
      .locator('video')
      .evaluate(async (element) => {
        if (!(element instanceof HTMLVideoElement)) throw new Error('No video');
        const frames = (): number => element.getVideoPlaybackQuality().totalVideoFrames;
        const before = frames();
        while (frames() < before + 5) {
          // oxlint-disable-next-line no-await-in-loop
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      });
  }

  /** Whether the picture in a tile is that of the fake camera: mostly its green, not black. */
  greenOf(name: string): Promise<number> {
    return this.tile(name).locator('video').evaluate(greenShare);
  }

  /** Writes test-results/NAME.png. */
  async screenshot(name: string): Promise<void> {
    mkdirSync(RESULTS, { recursive: true });
    await this.page.screenshot({ path: join(RESULTS, `${name}.png`) });
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}

/** Runs in the page before its own scripts. */
function watchPage(): void {
  window.connections = [];
  const Native = RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      window.connections.push(this);
    }
  };
  document.addEventListener('securitypolicyviolation', (event) => {
    window.reportViolation(`${event.violatedDirective} ${event.blockedURI}`);
  });
}

/** Runs in the page. */
async function sampleLinks(): Promise<LinkSample[]> {
  // oxlint-disable-next-line consistent-function-scoping -- the page gets the text of this function alone
  const addressOf = (candidate: Record<string, unknown> | undefined): string => {
    const host = String(candidate?.['address']);
    return `${host.includes(':') ? `[${host}]` : host}:${String(candidate?.['port'])}`;
  };
  const open = window.connections.filter(({ connectionState }) => connectionState !== 'closed');
  return Promise.all(
    open.map(async (connection) => {
      const report = new Map<string, Record<string, unknown>>();
      (await connection.getStats()).forEach((entry: Record<string, unknown>, id) =>
        report.set(id, entry),
      );
      const entries = [...report.values()];
      const inbound = (kind: string, counter: string): number =>
        entries
          .filter((entry) => entry['type'] === 'inbound-rtp' && entry['kind'] === kind)
          .reduce((sum, entry) => sum + Number(entry[counter] ?? 0), 0);
      const transport = entries.find(({ type }) => type === 'transport');
      const pair = report.get(String(transport?.['selectedCandidatePairId']));
      const local = report.get(String(pair?.['localCandidateId']));
      const remote = report.get(String(pair?.['remoteCandidateId']));
      return {
        state: connection.connectionState,
        framesDecoded: inbound('video', 'framesDecoded'),
        audioSamples: inbound('audio', 'totalSamplesReceived'),
        local: String(local?.['candidateType']),
        remote: String(remote?.['candidateType']),
        localAddress: addressOf(local),
        remoteAddress: addressOf(remote),
        relayProtocol: String(local?.['relayProtocol']),
      };
    }),
  );
}

/** Runs in the page: the share of pixels in which green leads. */
function greenShare(element: SVGElement | HTMLElement): number {
  if (!(element instanceof HTMLVideoElement)) return 0;
  const canvas = document.createElement('canvas');
  canvas.width = 64;
  canvas.height = 48;
  const context = canvas.getContext('2d');
  if (!context) return 0;
  context.drawImage(element, 0, 0, canvas.width, canvas.height);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  let green = 0;
  for (let at = 0; at < data.length; at += 4) {
    const [red = 0, middle = 0, blue = 0] = data.subarray(at, at + 3);
    if (middle > 64 && middle > red && middle > blue) green += 1;
  }
  return green / (canvas.width * canvas.height);
}
