// For tests of what the browser SDK negotiates: a browser, the real signaling, and media workers that only write down
// what they are told. Registers the hooks of a test file.

import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { RecordedPlane } from '../unit/signaling/recorded-plane.ts';
import { Chromium } from './chromium.ts';
import { MiniServer } from './mini-server.ts';
import type { MiniServerOptions } from './mini-server.ts';
import { SdkPage } from './sdk-page.ts';
import type { SdkJoin } from './sdk-page.ts';

class RecordedMedia {
  browser!: Chromium;
  server!: MiniServer;
  plane!: RecordedPlane;

  /** Another server, and nothing of before. */
  async restart(options: MiniServerOptions = {}): Promise<void> {
    await (this.server as MiniServer | undefined)?.close();
    this.plane = new RecordedPlane();
    this.server = await MiniServer.start({ media: this.plane, ...options });
  }

  async enter(identity: string, options: SdkJoin = {}): Promise<SdkPage> {
    const page = await SdkPage.open(this.browser, this.server);
    // Nothing ever connects.
    return page.join({ identity, mediaTimeoutMs: 0, ...options });
  }

  /** The number of the publication that a participant's newest transport has in that section. */
  publicationAt(mid: string, transport = this.plane.current.last('sfu.open').id): number {
    const setups = this.plane.current.commands.findLast(
      (one) => (one.type === 'sfu.open' || one.type === 'sfu.change') && one.id === transport,
    );
    if (setups?.type !== 'sfu.open' && setups?.type !== 'sfu.change') {
      throw new Error('No transport');
    }
    const found = setups.media.publications.find((one) => one.mid === mid);
    if (!found) throw new Error(`Nothing is published in ${mid}`);
    return found.publication;
  }
}

/** To be called once, at the top of a test file. */
export function recordedMedia(): RecordedMedia {
  const world = new RecordedMedia();
  beforeAll(async () => {
    world.browser = await Chromium.launch();
  });
  afterAll(() => world.browser.close());
  beforeEach(() => world.restart());
  afterEach(async () => {
    await world.browser.closePages();
    await world.server.close();
    world.browser.throwErrors();
  });
  return world;
}
