// Debian's Firefox ESR for tests: headless over WebDriver BiDi, with fake camera and microphone, host candidates on
// loopback and no mDNS names.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch } from 'puppeteer-core';
import type { Browser, Page } from 'puppeteer-core';
import type { ScriptablePage } from './browser-peer.ts';

const PREFERENCES = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  // It would look for codecs, updates and a network on the way.
  'media.gmp-manager.updateEnabled': false,
  'media.gmp-provider.enabled': false,
  'app.update.enabled': false,
  'browser.safebrowsing.update.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
};

/** Its own `evaluate` has types for handles, which make it unlike the one of playwright-core. */
class FirefoxPage implements ScriptablePage {
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
  }

  async evaluate<A, R>(run: (argument: A) => R | Promise<R>, argument: A): Promise<R> {
    const call = `(${run.toString()})(${JSON.stringify(argument)})`;
    const result: unknown = await this.#page.evaluate(call);
    return result as R;
  }
}

export class Firefox {
  readonly #browser: Browser;
  readonly #home: string;
  #pages: Page[] = [];

  private constructor(browser: Browser, home: string) {
    this.#browser = browser;
    this.#home = home;
  }

  static async launch(): Promise<Firefox> {
    const home = mkdtempSync(join(tmpdir(), 'sterna-firefox-'));
    const browser = await launch({
      browser: 'firefox',
      executablePath: '/usr/bin/firefox-esr',
      headless: true,
      extraPrefsFirefox: PREFERENCES,
      env: { ...process.env, HOME: home, MOZ_DISABLE_CONTENT_SANDBOX: '1' },
    });
    return new Firefox(browser, home);
  }

  async open(url: string): Promise<ScriptablePage> {
    // Of the tabs of one window only one is looked at, and pages receive no pictures that nobody sees.
    const page = await this.#browser.newPage({ type: 'window' });
    this.#pages.push(page);
    await page.goto(url);
    return new FirefoxPage(page);
  }

  /** Closes the pages of one test. */
  async closePages(): Promise<void> {
    await Promise.all(this.#pages.splice(0).map((page) => page.close()));
  }

  async close(): Promise<void> {
    await this.#browser.close();
    rmSync(this.#home, { recursive: true, force: true });
  }
}
