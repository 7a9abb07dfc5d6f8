// Debian's Chromium for tests: without windows, with fake camera and microphone, host candidates on loopback and no
// mDNS names. Its shell without windows opens a page in a fraction of the time that the whole browser takes to do so.

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
  '--allow-loopback-in-peer-connection',
  // One flag for all: of several the last one wins.
  '--disable-features=WebRtcHideLocalIpsWithMdns',
];

export interface LaunchOptions {
  /** A fake camera and microphone; without, there are none on a server. Default true. */
  devices?: boolean;
  /** The user allows what the page asks for. Default true. The shell has no user who could refuse. */
  allows?: boolean;
  /** The browser that people have. Default: where permissions are refused. */
  whole?: boolean;
  /** More command line flags. */
  flags?: readonly string[];
}

export interface OpenOptions extends BrowserContextOptions {
  /** Runs in the page before anything else does. */
  before?: () => void;
}

export class Chromium {
  /** What no page should have: uncaught errors and violations of the content security policy. */
  readonly errors: string[] = [];
  readonly #browser: Browser;

  readonly #permissions: string[];

  private constructor(browser: Browser, permissions: string[]) {
    this.#browser = browser;
    this.#permissions = permissions;
  }

  static async launch({
    devices = true,
    allows = true,
    whole = !allows,
    flags = [],
  }: LaunchOptions = {}): Promise<Chromium> {
    const args = [
      ...ARGUMENTS,
      // Twenty pictures a second would keep a small machine busy with nothing else.
      ...(devices ? ['--use-fake-device-for-media-stream=fps=8'] : []),
      ...(allows ? ['--use-fake-ui-for-media-stream'] : []),
      ...flags,
    ];
    const executablePath = whole ? '/usr/bin/chromium' : '/usr/bin/chromium-headless-shell';
    const browser = await chromium.launch({ executablePath, headless: true, args });
    return new Chromium(browser, allows ? ['camera', 'microphone'] : []);
  }

  /** A page of its own context, as another user's would be. */
  async open(url: string, options: OpenOptions = {}): Promise<Page> {
    const { before, ...contextOptions } = options;
    const context = await this.#browser.newContext({
      permissions: this.#permissions,
      ...contextOptions,
    });
    const page = await context.newPage();
    // Below the test's own limit, so that a failure names what it waited for.
    page.setDefaultTimeout(20_000);
    page.on('pageerror', (error) => this.errors.push(String(error)));
    page.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) this.errors.push(message.text());
    });
    if (before) await page.addInitScript(before);
    await page.goto(url);
    return page;
  }

  /** Throws what went wrong in pages, and forgets it: for the end of each test. */
  throwErrors(): void {
    const errors = this.errors.splice(0);
    if (errors.length > 0) throw new Error(`In a page: ${errors.join('; ')}`);
  }

  /** Closes the pages of one test. */
  async closePages(): Promise<void> {
    await Promise.all(this.#browser.contexts().map((context) => context.close()));
  }

  async close(): Promise<void> {
    await this.#browser.close();
  }
}
