// Chromium and Firefox, and a server whose media both of them reach, for all tests of a file.

import { afterAll, afterEach, beforeAll } from 'vitest';
import { Chromium } from '../chromium.ts';
import { Firefox } from '../peers/firefox.ts';
import { ownAddress } from '../peers/whip-meeting.ts';
import { startHost } from './sterna-host.ts';
import type { SternaHost } from './sterna-host.ts';

export class BothBrowsers {
  chromium!: Chromium;
  firefox!: Firefox;
  host!: SternaHost;

  /** Begins before the first test of the file and ends after the last one; each test has its own pages. */
  constructor() {
    beforeAll(async () => {
      [this.chromium, this.firefox] = await Promise.all([
        Chromium.launch(),
        Firefox.launch(),
        this.serve(),
      ]);
    });
    afterAll(async () => {
      await Promise.all([this.chromium?.close(), this.firefox?.close()]);
      await this.host?.sterna.stop();
    });
    afterEach(async () => {
      await Promise.all([this.chromium.closePages(), this.firefox.closePages()]);
      this.chromium.throwErrors();
    });
  }

  /** A server, at that port if it must be a certain one. */
  async serve(port = 0): Promise<void> {
    // Firefox has no candidates on loopback.
    this.host = await startHost({ media: ownAddress(), port });
  }
}
