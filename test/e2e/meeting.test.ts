// Two and three real Chromiums (fake camera and microphone) meet through the real program whose rooms are of mode p2p:
// signaling, page and relay.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { MeetingPage } from '../support/e2e/meeting-page.ts';
import { Sterna } from '../support/e2e/sterna.ts';
import { TcpProxy } from '../support/e2e/tcp-proxy.ts';

/** Media goes between browsers, not through the server. */
const MESH = { STERNA_SFU_ENABLED: 'false' };

/** Development mode, its TURN listeners on free ports. */
const DEVELOPMENT = {
  environment: { ...MESH, STERNA_TURN_LISTENERS: 'udp://127.0.0.1:0,udp://[::1]:0' },
};

const seconds = (n: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, n * 1000);
  });

let browser: Chromium;

beforeAll(async () => {
  browser = await Chromium.launch();
});

afterEach(() => browser.closePages());

afterAll(() => browser?.close());

const connectionsMade = (...pages: MeetingPage[]): Promise<number[]> =>
  Promise.all(pages.map(({ page }) => page.evaluate(() => window.connections.length)));

/** Frames of every link rise in each of `rounds` seconds, on all pages. */
async function framesRise(pages: readonly MeetingPage[], rounds: number): Promise<void> {
  const decoded = async (): Promise<number[]> => {
    const links = await Promise.all(pages.map((page) => page.links()));
    return links.flat().map(({ framesDecoded }) => framesDecoded);
  };
  let before = await decoded();
  expect(before).toHaveLength(pages.length * (pages.length - 1));
  for (let round = 0; round < rounds; round++) {
    await seconds(1);
    const now = await decoded();
    // The fake camera gives twenty a second.
    for (const [link, frames] of now.entries()) {
      expect(frames - (before[link] ?? 0), `round ${round}, link ${link}`).toBeGreaterThan(5);
    }
    before = now;
  }
}

describe('through the relay', () => {
  let sterna: Sterna;

  beforeAll(async () => {
    sterna = await Sterna.start(DEVELOPMENT);
  });

  afterAll(() => sterna?.stop());

  /** Two in a room of that name; the first one's page comes from `origin`. */
  async function meet(room: string, origin = sterna.url): Promise<[MeetingPage, MeetingPage]> {
    const ada = await MeetingPage.join(browser, origin, { room, name: 'Ada', relay: true });
    const bob = await MeetingPage.join(browser, sterna.url, { room, name: 'Bob', relay: true });
    await Promise.all([ada.sees(1), bob.sees(1)]);
    return [ada, bob];
  }

  test('two see and hear each other for two seconds, relay to relay', async () => {
    const [ada, bob] = await meet('pair');
    await framesRise([ada, bob], 2);
    for (const [page, other] of [
      [ada, 'Bob'],
      [bob, 'Ada'],
    ] as const) {
      const [link] = await page.links();
      expect(link).toMatchObject({ state: 'connected', local: 'relay', remote: 'relay' });
      expect(link?.audioSamples).toBeGreaterThan(48_000);
      expect(await page.tile(other).getByTestId('path').textContent()).toMatch(/^relay/);
      expect(await page.greenOf(other)).toBeGreaterThan(0.5);
      await page.screenshot(`meeting-${page.name.toLowerCase()}`);
      expect(page.problems).toEqual([]);
    }
    const created = sterna.events('allocation.created');
    const addresses = created.map(({ relayed }) => relayed);
    for (const [link] of [await ada.links(), await bob.links()]) {
      expect(addresses).toContain(link?.localAddress);
    }
    expect(new Set(created.map(({ user }) => user)).size).toBe(2);
  });

  test('a WebSocket that is cut for three seconds resumes, and the call goes on meanwhile', async () => {
    const proxy = await TcpProxy.start({ host: '127.0.0.1', port: sterna.port });
    try {
      const [ada, bob] = await meet('cut', `http://127.0.0.1:${proxy.port}`);
      const { joined } = ada;
      const connections = await connectionsMade(ada, bob);
      const toldBefore = bob.received.length;
      const tileOfAda = await bob.tile('Ada').elementHandle();
      proxy.cut();
      await ada.banner.getByText('reconnecting').waitFor();
      await framesRise([ada, bob], 3);
      expect(await ada.banner.isVisible()).toBe(true);
      await ada.screenshot('meeting-reconnecting');
      proxy.heal();
      await ada.banner.getByText('resumed').waitFor();
      await ada.banner.waitFor({ state: 'hidden' });
      expect(ada.joined).toMatchObject({
        resumed: true,
        lost: false,
        session: { id: joined?.session.id },
        self: { sid: joined?.self.sid },
      });
      expect(ada.sockets).toBeGreaterThan(1);
      const told = bob.received.slice(toldBefore).filter((message) => message.type === 'people');
      expect(told.flatMap(({ gone }) => gone)).toEqual([]);
      expect(told.flatMap(({ upd }) => upd.map(({ sid, state }) => [sid, state]))).toEqual([
        [joined?.self.sid, 'away'],
        [joined?.self.sid, 'active'],
      ]);
      expect(await tileOfAda?.evaluate((tile) => tile.isConnected)).toBe(true);
      expect(await connectionsMade(ada, bob)).toEqual(connections);
      await framesRise([ada, bob], 1);
      expect(bob.problems).toEqual([]);
      // The browser itself says that it could not connect.
      expect(ada.problems.filter((problem) => !/WebSocket/.test(problem))).toEqual([]);
    } finally {
      await proxy.stop();
    }
  });

  test('who leaves takes the tile along and gives the relay back', async () => {
    const [ada, bob] = await meet('leaving');
    const [link] = await bob.links();
    await bob.page.getByTestId('leave').click();
    await ada.tile('Bob').waitFor({ state: 'detached' });
    await bob.page.getByTestId('ended').waitFor();
    expect(await ada.page.getByTestId('count').textContent()).toBe('1');
    expect(await ada.page.getByTestId('alone').isVisible()).toBe(true);
    expect(await ada.links()).toEqual([]);
    await sterna.waitForEvents(
      'allocation.deleted',
      1,
      ({ relayed, reason }) => relayed === link?.localAddress && reason === 'refreshed-to-zero',
    );
    expect([...ada.problems, ...bob.problems]).toEqual([]);
  });

  test('three make a mesh', async () => {
    const [ada, bob] = await meet('mesh');
    const cleo = await MeetingPage.join(browser, sterna.url, {
      room: 'mesh',
      name: 'Cleo',
      relay: true,
    });
    const pages = [ada, bob, cleo];
    await Promise.all(pages.map((page) => page.sees(2)));
    await framesRise(pages, 2);
    for (const page of pages) {
      const links = await page.links();
      expect(links.map(({ local, remote }) => [local, remote])).toEqual([
        ['relay', 'relay'],
        ['relay', 'relay'],
      ]);
      expect(await page.page.getByTestId('count').textContent()).toBe('3');
      expect(page.problems).toEqual([]);
    }
    await cleo.screenshot('meeting-three');
  });
});

test('over IPv6: page, WebSocket and the way to the relay', async () => {
  const sterna = await Sterna.start({
    // Browsers do not ask for a family, so what they are given is an IPv4 relay (RFC 8656 s7.2).
    environment: { ...MESH, STERNA_BIND: '::1', STERNA_TURN_LISTENERS: 'udp://[::1]:0' },
  });
  try {
    expect(sterna.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    const ada = await MeetingPage.join(browser, sterna.url, { name: 'Ada', relay: true });
    const bob = await MeetingPage.join(browser, sterna.url, { name: 'Bob', relay: true });
    await Promise.all([ada.sees(1), bob.sees(1)]);
    await framesRise([ada, bob], 2);
    const created = sterna.events('allocation.created');
    for (const page of [ada, bob]) {
      const [link] = await page.links();
      expect(link).toMatchObject({ local: 'relay', remote: 'relay' });
      const allocation = created.find(({ relayed }) => relayed === link?.localAddress);
      expect(allocation?.['client']).toMatch(/^\[(?:::1|fd00::2)\]:\d+$/);
      expect(page.problems).toEqual([]);
    }
  } finally {
    await sterna.stop();
  }
});

test('without relay=1 the browsers talk to each other directly', async () => {
  const sterna = await Sterna.start(DEVELOPMENT);
  try {
    const ada = await MeetingPage.join(browser, sterna.url, { name: 'Ada' });
    const bob = await MeetingPage.join(browser, sterna.url, { name: 'Bob' });
    await Promise.all([ada.sees(1), bob.sees(1)]);
    await framesRise([ada, bob], 2);
    for (const page of [ada, bob]) {
      const [link] = await page.links();
      expect(link).toMatchObject({ state: 'connected' });
      expect([link?.local, link?.remote]).not.toContain('relay');
      expect(page.problems).toEqual([]);
    }
    expect(await ada.tile('Bob').getByTestId('path').textContent()).toMatch(/^(host|prflx)/);
  } finally {
    await sterna.stop();
  }
});
