// The browser SDK in real Chromium when things go wrong: lost sockets, lost pushes, a server and a relay
// that start again, and every way in which a meeting ends.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { startCoturn } from '../support/coturn-server.ts';
import { MiniServer } from '../support/mini-server.ts';
import type { MiniServerOptions } from '../support/mini-server.ts';
import { SdkPage } from '../support/sdk-page.ts';
import type { SdkJoin } from '../support/sdk-page.ts';

let browser: Chromium;
let server: MiniServer;

beforeAll(async () => {
  browser = await Chromium.launch();
});
afterAll(() => browser.close());
beforeEach(() => restart());
afterEach(async () => {
  await browser.closePages();
  await server.close();
  browser.throwErrors();
});

async function restart(options?: MiniServerOptions): Promise<void> {
  await (server as MiniServer | undefined)?.close();
  server = await MiniServer.start(options);
}

const enter = async (identity: string, options: SdkJoin = {}): Promise<SdkPage> => {
  const page = await SdkPage.open(browser, server);
  return page.join({ identity, ...options });
};

async function two(first: SdkJoin = {}, second: SdkJoin = {}): Promise<[SdkPage, SdkPage]> {
  const ann = await enter('ann', first);
  const bob = await enter('bob', second);
  return [ann, bob];
}

const both = (pages: SdkPage[]): Promise<unknown> =>
  Promise.all(pages.map((page) => page.sees(pages.length - 1)));

describe('a connection that suffers', () => {
  test('the socket is away for seconds: the call goes on, then the session resumes', async () => {
    const [ann, bob] = await two();
    await both([ann, bob]);
    const sids = [await ann.sid(), await bob.sid()];
    server.unreachable = true;
    server.cutSockets();
    await ann.heard('state reconnecting');
    await both([ann, bob]);
    const waiting = ann.page.evaluate(() => window.room.sendData('kept'));
    await bob.sees(1, 20);
    server.unreachable = false;
    await Promise.all([ann.heard('state connected resumed'), bob.heard('state connected resumed')]);
    await waiting;
    await bob.heard('data ann undefined kept');
    await both([ann, bob]);
    expect([await ann.sid(), await bob.sid()]).toEqual(sids);
    expect((await ann.events()).filter((event) => event.startsWith('left'))).toEqual([]);
  });

  test('after pushes were lost everything is negotiated again', async () => {
    await restart({ limits: { pushRing: { messages: 2, bytes: 100_000 } } });
    const [ann, bob] = await two();
    await both([ann, bob]);
    const before = await ann.fragments();
    server.unreachable = true;
    server.cutSocketOf(await ann.sid());
    await ann.heard('state reconnecting');
    await bob.page.evaluate(async () => {
      await Promise.all(['1', '2', '3', '4'].map((text) => window.room.sendData(text)));
    });
    server.unreachable = false;
    await ann.heard('state connected resumed');
    await expect.poll(() => ann.fragments()).not.toEqual(before);
    await both([ann, bob]);
  });

  test('a server that was restarted is joined anew, and no ghost remains', async () => {
    const [ann, bob] = await two({ renews: true }, { renews: true });
    await both([ann, bob]);
    const sids = [await ann.sid(), await bob.sid()];
    const { port } = server;
    await server.close();
    server = await MiniServer.start({ port });
    await Promise.all([
      ann.heard('state connected rejoined'),
      bob.heard('state connected rejoined'),
    ]);
    await both([ann, bob]);
    const rooms = await Promise.all(
      [ann, bob].map(({ page }) =>
        page.evaluate(() => ({
          sid: window.room.self.sid,
          others: [...window.room.participants.values()].map(({ name }) => name),
          open: window.pcs.filter((pc) => pc.signalingState !== 'closed').length,
        })),
      ),
    );
    expect(rooms).toMatchObject([
      { others: ['bob'], open: 1 },
      { others: ['ann'], open: 1 },
    ]);
    expect(sids).not.toContain(rooms[0]?.sid);
    expect(sids).not.toContain(rooms[1]?.sid);
  });

  test('a network that comes back restarts ICE', async () => {
    const [ann, bob] = await two();
    await both([ann, bob]);
    const before = await ann.fragments();
    await ann.page.evaluate(() => window.dispatchEvent(new Event('online')));
    await expect.poll(() => ann.fragments()).not.toEqual(before);
    await both([ann, bob]);
  });
});

describe('a relay', () => {
  test('media goes through it alone, and finds it again after it was gone', async () => {
    let relay = await startCoturn();
    try {
      await restart({ iceServers: [relay.iceServer] });
      const [ann, bob] = await two({ relayOnly: true }, { relayOnly: true });
      await both([ann, bob]);
      await Promise.all([ann.heard('path bob relay'), bob.heard('path ann relay')]);
      const { port } = relay;
      await relay.stop();
      await ann.heard('link bob disconnected');
      relay = await startCoturn(port);
      await Promise.all([ann.heard('link bob connected', 2), bob.heard('link ann connected', 2)]);
      await both([ann, bob]);
      expect(await ann.page.evaluate(() => window.room.state)).toBe('connected');
      const path = await ann.page.evaluate(async () => {
        const [sid = ''] = window.room.participants.keys();
        return window.room.connectionPath(sid);
      });
      expect(path).toMatchObject({ type: 'relay', local: 'relay', relayProtocol: 'udp' });
    } finally {
      await relay.stop();
    }
  });
});

describe('the end', () => {
  test('leaving closes everything and is seen at once', async () => {
    const [ann, bob] = await two({ media: false });
    await bob.page.evaluate(() => window.room.local.enableCamera(true));
    await ann.sees(1);
    const left = await bob.page.evaluate(async () => {
      const { local } = window.room;
      const tracks = local.publications.map(({ track, owned }) => ({ track, owned }));
      window.room.leave();
      const late = await window.room
        .sendData('late')
        .catch((error: unknown) =>
          error instanceof window.sdk.SternaClientError ? error.reason : '',
        );
      return {
        late,
        state: window.room.state,
        open: window.pcs.filter((pc) => pc.signalingState !== 'closed').length,
        tracks: tracks.map(({ track, owned }) => [owned, track.readyState]),
      };
    });
    expect(left).toEqual({
      late: 'CLOSED',
      state: 'closed',
      open: 0,
      tracks: [
        [false, 'live'],
        [false, 'live'],
      ],
    });
    await ann.heard('left bob LEFT');
    expect((await bob.events()).slice(-2)).toEqual(['state closed', 'closed left']);
    expect(await ann.page.evaluate(() => window.pcs.map((pc) => pc.connectionState))).not.toContain(
      'connected',
    );
  });

  test('a device that the SDK opened is closed with the room', async () => {
    const ann = await enter('ann', { media: false });
    const states = await ann.page.evaluate(async () => {
      await window.room.local.enableMicrophone(true);
      const [publication] = window.room.local.publications;
      const before = publication?.track.readyState;
      window.room.leave();
      return [before, publication?.track.readyState];
    });
    expect(states).toEqual(['live', 'ended']);
  });

  test('a page that is closed does not stay as a ghost', async () => {
    const [ann, bob] = await two({ media: false }, { media: false });
    await ann.heard('joined bob');
    await bob.page.close({ runBeforeUnload: false });
    await ann.heard('left bob LEFT');
    expect(await ann.page.evaluate(() => window.room.participants.size)).toBe(0);
  });

  test('the same identity elsewhere ends the first with the reason', async () => {
    const ann = await enter('ann', { media: false });
    await enter('ann', { media: false });
    await ann.heard('closed DUPLICATE_IDENTITY');
    expect(await ann.page.evaluate(() => window.room.state)).toBe('closed');
  });

  test('an AbortSignal ends the join, or the room later', async () => {
    const page = await SdkPage.open(browser, server);
    const token = server.token({ identity: 'ann' });
    const outcome = await page.page.evaluate(async (given) => {
      const { join, SternaClientError } = window.sdk;
      const reasonOf = (error: unknown): string =>
        error instanceof SternaClientError ? error.reason : String(error);
      const aborted = AbortSignal.abort();
      const before = await join(location.origin, { token: given, signal: aborted }).catch(reasonOf);
      const abort = new AbortController();
      const during = join(location.origin, { token: given, signal: abort.signal }).catch(reasonOf);
      abort.abort();
      const later = new AbortController();
      const room = await join(location.origin, { token: given, signal: later.signal });
      later.abort();
      return [before, await during, room.state];
    }, token);
    expect(outcome).toEqual(['ABORTED', 'ABORTED', 'closed']);
  });

  test('what cannot work is refused with a reason', async () => {
    const page = await SdkPage.open(browser, server);
    const outcome = await page.page.evaluate(async () => {
      const { join, SternaClientError } = window.sdk;
      const reasonOf = (error: unknown): string =>
        error instanceof SternaClientError ? error.reason : (String(error).split(':')[0] ?? '');
      return [
        await join(location.origin, { token: 'a.b.c' }).catch(reasonOf),
        await join(location.origin, {}).catch(reasonOf),
        await join('ftp://host', { token: 'a.b.c' }).catch(reasonOf),
        await join('ws://127.0.0.1:1', { token: 'a.b.c' }).catch(reasonOf),
      ];
    });
    expect(outcome).toEqual(['TOKEN_INVALID', 'TypeError', 'TypeError', 'UNREACHABLE']);
  });
});
