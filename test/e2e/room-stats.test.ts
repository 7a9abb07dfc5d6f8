// What the server tells of the media of a room, beside what real Chromium counts of the same streams.

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { Chromium } from '../support/chromium.ts';
import { askStats, statsOf } from '../support/e2e/room-stats.ts';
import type { ParticipantAnswer } from '../support/e2e/room-stats.ts';
import { startHost } from '../support/e2e/sterna-host.ts';
import type { SternaHost } from '../support/e2e/sterna-host.ts';
import { SdkPage } from '../support/sdk-page.ts';
import type { SdkJoin } from '../support/sdk-page.ts';

let browser: Chromium;
let host: SternaHost;

beforeAll(async () => {
  browser = await Chromium.launch();
});
afterAll(() => browser.close());
beforeEach(async () => {
  host = await startHost();
});
afterEach(async () => {
  await browser.closePages();
  await host.sterna.stop();
  browser.throwErrors();
});

const enter = async (identity: string, options: SdkJoin = {}): Promise<SdkPage> => {
  const page = await SdkPage.open(browser, host);
  return page.join({ identity, ...options });
};

const rtp = z.looseObject({
  type: z.enum(['outbound-rtp', 'inbound-rtp']),
  ssrc: z.number(),
  packetsSent: z.number().optional(),
  packetsReceived: z.number().optional(),
});

/** Packets that the browser has sent or received, by SSRC. */
async function counted({ page }: SdkPage): Promise<Map<number, number>> {
  const entries = await page.evaluate(async () => {
    const stats = await window.room.stats();
    return [...(stats.get(window.room.self.sid)?.report.values() ?? [])];
  });
  return new Map(
    entries.flatMap((entry) => {
      const { data } = rtp.safeParse(entry);
      return data ? [[data.ssrc, data.packetsSent ?? data.packetsReceived ?? 0] as const] : [];
    }),
  );
}

const trackOf = ({ tracks }: ParticipantAnswer, source: string) =>
  tracks.find((track) => track.source === source);

/** `ours` is what the server says, `before` and `after` what the browser said before and after it was asked. */
function expectBetween(before: number | undefined, ours: number, after: number | undefined): void {
  expect(ours).toBeGreaterThan(0);
  expect(ours).toBeGreaterThanOrEqual(before ?? Number.NaN);
  expect(ours).toBeLessThanOrEqual(after ?? Number.NaN);
}

test('agrees with what browsers send and receive, stream by stream', async () => {
  const [ann, bob] = [await enter('ann'), await enter('bob', { media: false })];
  await bob.sees(1, 60);

  // The browser counts what it has sent before it is here, and what it receives after it was sent.
  const sentBefore = await counted(bob);
  const [ofAnn, ofBob] = [await statsOf(host.sterna, 'ann'), await statsOf(host.sterna, 'bob')];
  await bob.sees(1, 5);
  const sent = await counted(ann);
  const received = await counted(bob);

  expect(ofAnn.participant).toMatchObject({ identity: 'ann', state: 'active' });
  for (const { transport } of [ofAnn, ofBob]) {
    expect(transport).toMatchObject({
      state: 'connected',
      path: 'udp',
      family: 4,
      remoteCandidate: 'prflx',
      srtpProfile: 'AEAD_AES_128_GCM',
    });
    expect(transport?.dtlsCipher).toMatch(/^ECDHE-ECDSA-/);
    expect(transport?.consentAgeMs).toBeLessThan(30_000);
  }
  expect(ofAnn.transport?.bytesIn).toBeGreaterThan(10_000);
  expect(ofBob.transport?.bytesOut).toBeGreaterThan(10_000);
  expect(ofBob.transport?.rttMs).not.toBe(null);

  expect(ofAnn.tracks.map(({ source }) => source).toSorted()).toEqual(['camera', 'microphone']);
  for (const { sid, kind, muted, streams } of ofAnn.tracks) {
    const [stream, ...others] = streams;
    expect(others).toEqual([]);
    if (!stream) throw new Error(`nothing of ${kind}`);
    expect(muted).toBe(false);
    expect(stream.selected).toBe(true);
    expect(stream.bitrateBps).toBeGreaterThan(kind === 'audio' ? 1000 : 10_000);
    const shown = ofBob.subscriptions.find((one) => one.track === sid);
    expect(shown).toMatchObject({ participant: await ann.sid(), waits: null });
    if (!shown) throw new Error(`${kind} is not shown`);
    expect(shown.codec).toBe(stream.codec);
    expectBetween(1, stream.packets, sent.get(stream.ssrc));
    expectBetween(sentBefore.get(shown.ssrc), shown.packets, received.get(shown.ssrc));
  }
  const camera = trackOf(ofAnn, 'camera')?.streams[0];
  expect(camera?.frames).toBeGreaterThanOrEqual(60);
  expect(camera?.keyFrames).toBeGreaterThan(0);
  // Slots that are for nobody yet.
  const idle = ofBob.subscriptions.filter(({ track }) => track === null);
  for (const slot of idle) expect(slot).toMatchObject({ waits: 'unbound', packets: 0 });
});

test('says what is muted, and what is not there', async () => {
  const [ann, bob] = [await enter('ann'), await enter('bob')];
  await bob.sees(1);
  await ann.page.evaluate(() => window.room.local.enableCamera(false));
  const waits = async (): Promise<unknown> => {
    const { sid } = trackOf(await statsOf(host.sterna, 'ann'), 'camera') ?? {};
    const { subscriptions } = await statsOf(host.sterna, 'bob');
    return subscriptions.find(({ track }) => track !== null && track === sid)?.waits;
  };
  await expect.poll(waits).toBe('muted');
  expect(trackOf(await statsOf(host.sterna, 'ann'), 'camera')?.muted).toBe(true);
  await ann.page.evaluate(() => window.room.local.enableCamera(true));
  await expect.poll(waits, { timeout: 10_000 }).toBe(null);

  const all = await askStats(host.sterna, 'r/stats');
  expect(all).toMatchObject({
    status: 200,
    body: { room: { name: 'r' }, total: 2, participants: [{}, {}] },
  });
  const sid = await ann.sid();
  expect(await statsOf(host.sterna, sid)).toMatchObject({ participant: { identity: 'ann', sid } });
  const nobody = await askStats(host.sterna, 'r/participants/nobody/stats');
  expect(nobody).toMatchObject({ status: 404, body: { reason: 'NOT_FOUND' } });
});
