// The SDK in real Chromium, through the real program: a page that is loaded again stays who it was, one that is closed
// is gone soon, calls between participants, what join() waits for, and what diagnose() finds.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { askStats } from '../support/e2e/room-stats.ts';
import { startHost } from '../support/e2e/sterna-host.ts';
import type { SternaHost } from '../support/e2e/sterna-host.ts';
import { SdkPage } from '../support/sdk-page.ts';
import type { SdkJoin } from '../support/sdk-page.ts';

let browser: Chromium;
let host: SternaHost;

beforeAll(async () => {
  [browser, host] = await Promise.all([Chromium.launch(), startHost({ mode: 'auto' })]);
});
afterEach(async () => {
  await browser.closePages();
  browser.throwErrors();
});
afterAll(async () => {
  await browser.close();
  await host.sterna.stop();
});

/** Through the server, unless something else is said. */
const enter = async (identity: string, options: SdkJoin = {}): Promise<SdkPage> => {
  const page = await (await SdkPage.open(browser, host)).films();
  return page.join({ identity, peerToPeer: false, ...options });
};

const again = async (page: SdkPage, identity: string, options: SdkJoin): Promise<void> => {
  await (await page.reload()).films();
  await page.join({ identity, peerToPeer: false, ...options });
};

/** From now on, each state of the others that differs from the one before. */
const watchStates = (page: SdkPage): Promise<void> =>
  page.page.evaluate(() => {
    let last = '';
    window.room.on('participantUpdated', (participant) => {
      if (participant === window.room.self || participant.state === last) return;
      last = participant.state;
      window.events.push(`is ${participant.name} ${last}`);
    });
  });

/** What the first other one is, and publishes. */
const other = (page: SdkPage): Promise<string[]> =>
  page.page.evaluate(() => {
    const [participant] = window.room.participants.values();
    const publications = participant?.publications ?? [];
    return [participant?.sid ?? '', ...publications.map(({ sid }) => sid)];
  });

const kept = (page: SdkPage['page']): Promise<string[]> =>
  page.evaluate(() => Object.keys(sessionStorage));

const codes = (page: SdkPage): Promise<string[]> =>
  page.page.evaluate(async () => (await window.room.diagnose()).map(({ code }) => code));

describe('a page that is loaded again', () => {
  test('stays who it was, with its tracks; what it had asked for is forgotten, what was sent to it is not', async () => {
    const room = 'again';
    const ann = await enter('ann', { room });
    const bob = await enter('bob', { room, resume: true });
    await Promise.all([ann.sees(1), bob.sees(1)]);
    await watchStates(ann);
    const before = await other(ann);
    expect(before).toHaveLength(3);
    await bob.page.evaluate(async () => {
      for (const { publications } of window.room.participants.values()) {
        // oxlint-disable-next-line no-await-in-loop
        await window.room.subscribe(publications, { on: false });
      }
      await window.room.setAttributes({ hand: 'up' });
    });
    expect(await kept(bob.page)).toEqual([]);
    const reloaded = bob.reload();
    await ann.heard('is bob away');
    await ann.page.evaluate(() => window.room.sendData('meanwhile', { topic: 'chat' }));
    expect(await kept((await reloaded).page)).toHaveLength(1);
    await (await bob.films()).join({ identity: 'bob', room, resume: true, peerToPeer: false });
    await ann.heard('is bob active');
    await Promise.all([ann.sees(1), bob.sees(1), bob.heard('data ann chat meanwhile room')]);
    expect([await other(ann), await bob.sid()]).toEqual([before, before[0]]);
    const events = await ann.events();
    expect(events.filter((event) => /^(?:left|joined) /.test(event))).toEqual(['joined bob']);
    expect(
      await ann.page.evaluate(() => [...window.room.participants.values()][0]?.attributes),
    ).toMatchObject({ hand: 'up' });
    // Whoever duplicates the tab now finds nothing to take.
    const popup = bob.page.waitForEvent('popup');
    await bob.page.evaluate(() => void window.open(location.href));
    expect(await kept(await popup)).toEqual([]);
    expect(await bob.page.evaluate(() => window.room.state)).toBe('connected');
  });

  test('that exchanged media directly does so again; a page that is closed has left within seconds', async () => {
    const room = 'direct';
    const ways = async (): Promise<unknown> => {
      const { body } = await askStats(host.sterna, `${room}/stats`);
      return (body as { participants: { direct: number }[] }).participants.map(
        ({ direct }) => direct,
      );
    };
    const ann = await enter('ann', { room, peerToPeer: true });
    // Under a name of the application's no token is needed.
    const bob = await enter('bob', { room, resume: 'a meeting', peerToPeer: true });
    await expect.poll(ways, { timeout: 20_000 }).toEqual([2, 2]);
    await watchStates(ann);
    const [sid] = await other(ann);
    await again(bob, 'bob', { room, resume: 'a meeting', peerToPeer: true });
    await Promise.all([ann.sees(1), bob.sees(1)]);
    expect(await bob.sid()).toBe(sid);
    await expect.poll(ways, { timeout: 20_000 }).toEqual([2, 2]);
    await ann.sees(1);
    await bob.page.close({ runBeforeUnload: false });
    await ann.heard('is bob away', 2);
    await ann.heard('left bob LEFT');
  });
});

test('a call is answered by whom it is for; faults are found', async () => {
  const room = 'calls';
  const ann = await enter('ann', { room, grants: { simulate: true } });
  const bob = await enter('bob', { room });
  await bob.page.evaluate(() => {
    window.room.rpc.register('double', ({ caller, payload }) => [caller.name, Number(payload) * 2]);
    window.room.rpc.register('hang', () => new Promise(() => undefined));
  });
  const answers = await ann.page.evaluate(async () => {
    const { rpc } = window.room;
    // It runs in the page, where there is no scope outside.
    // oxlint-disable-next-line consistent-function-scoping
    const fails = (error: unknown): string =>
      error instanceof window.sdk.SternaClientError ? error.reason : String(error);
    Object.assign(window, { hanging: rpc.call('bob', 'hang').catch(fails) });
    return [
      await rpc.call('bob', 'double', 21),
      await window.room.sendData('x', { topic: 'sterna.rpc' }).catch(fails),
    ];
  });
  expect(answers).toEqual([['ann', 42], 'BAD_MESSAGE']);
  expect((await bob.events()).filter((event) => event.startsWith('data'))).toEqual([]);

  await Promise.all([ann.sees(1), bob.sees(1)]);
  const well = await codes(ann);
  expect(well).not.toContain('MEDIA_NOT_CONNECTED');
  expect(well).not.toContain('PICTURE_NOT_RECEIVED');
  expect(well).not.toContain('CAMERA_WITHOUT_PICTURES');
  await Promise.all([ann.film(false), bob.film(false)]);
  await ann.page.evaluate(() => window.room.simulate({ op: 'network', down: { loss: 0.4 } }));
  await expect
    .poll(() => codes(ann))
    .toEqual(expect.arrayContaining(['LOSS_DOWN', 'CAMERA_WITHOUT_PICTURES']));
  await bob.page.evaluate(() => window.room.leave());
  expect(await ann.page.evaluate('hanging')).toBe('PARTICIPANT_LEFT');
});

test('join() waits for media, and not for ever where none passes', async () => {
  const room = 'late';
  const ann = await enter('ann', { room });
  expect(await ann.page.evaluate(() => window.room.self.linkState)).toBe('connected');
  const bob = await (await SdkPage.open(browser, host)).films();
  await bob.page.evaluate(() => {
    // As behind a firewall: nobody tells where the server receives.
    let isDeaf = true;
    const Native = RTCPeerConnection;
    window.RTCPeerConnection = class extends Native {
      override async setRemoteDescription(given: RTCSessionDescriptionInit): Promise<void> {
        const { type, sdp = '' } = given;
        const heard = isDeaf ? sdp.replaceAll(/a=candidate.*\r\n/g, '') : sdp;
        await super.setRemoteDescription({ type, sdp: heard });
      }
    };
    Object.assign(window, {
      heal: () => {
        isDeaf = false;
      },
    });
  });
  await bob.join({ identity: 'bob', room, mediaTimeoutMs: 300, peerToPeer: false });
  await bob.heard('warning SternaClientError: Media is not connected yet');
  expect(await codes(bob)).toContain('MEDIA_NOT_CONNECTED');
  await bob.page.evaluate('heal()');
  await bob.page.evaluate(() => window.room.ready);
  expect(await bob.page.evaluate(() => window.room.self.linkState)).toBe('connected');
});
