// Debian's Chromium for tests: headless, with fake camera and microphone, host candidates on loopback and no mDNS names.

import { chromium } from 'playwright-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--allow-loopback-in-peer-connection',
  // One flag for all: of several the last one wins.
  '--disable-features=WebRtcHideLocalIpsWithMdns',
];

export interface OpenOptions extends BrowserContextOptions {
  /** Runs in the page before anything else does. */
  before?: () => void;
}

export class Chromium {
  /** Errors that no page caught: rejections and exceptions. A test expects none. */
  readonly errors: string[] = [];
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async launch(): Promise<Chromium> {
    const executablePath = '/usr/bin/chromium';
    return new Chromium(await chromium.launch({ executablePath, headless: true, args: ARGUMENTS }));
  }

  /** A page of its own context, as another user's would be. */
  async open(url: string, options: OpenOptions = {}): Promise<Page> {
    const { before, ...contextOptions } = options;
    const context = await this.#browser.newContext({
      permissions: ['camera', 'microphone'],
      ...contextOptions,
    });
    const page = await context.newPage();
    page.on('pageerror', (error) => this.errors.push(String(error)));
    if (before) await page.addInitScript(before);
    await page.goto(url);
    return page;
  }

  /** Throws what no page caught, and forgets it: for the end of each test. */
  throwErrors(): void {
    const errors = this.errors.splice(0);
    if (errors.length > 0) throw new Error(`Uncaught in a page: ${errors.join('; ')}`);
  }

  /** Closes the pages of one test. */
  async closePages(): Promise<void> {
    await Promise.all(this.#browser.contexts().map((context) => context.close()));
  }

  async close(): Promise<void> {
    await this.#browser.close();
  }
}
