// Audio through the real program in real Chromium: of four who speak the loudest are heard, and who is pinned; and
// whose network loses packets gets redundancy, by which Chromium conceals less.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { statsOf } from '../support/e2e/room-stats.ts';
import { startHost } from '../support/e2e/sterna-host.ts';
import type { SternaHost } from '../support/e2e/sterna-host.ts';
import { UdpBottleneck } from '../support/e2e/udp-bottleneck.ts';
import { SdkPage } from '../support/sdk-page.ts';

declare global {
  interface Window {
    /** How loud each of those is who speak in this page. */
    gains: GainNode[];
  }
}

const SPEAKERS = ['s1', 's2', 's3', 's4'] as const;
/** About -20 dBov. */
const SPEECH = 0.15;

let browser: Chromium;
let host: SternaHost;
let speakers: SdkPage;
/** Each behind a path of its own; bob knows no redundancy. */
let ann: SdkPage;
let bob: SdkPage;
const paths: UdpBottleneck[] = [];

beforeAll(async () => {
  [browser, host] = await Promise.all([Chromium.launch(), startHost()]);
  speakers = await SdkPage.open(browser, host);
  const tokens = SPEAKERS.map((identity) => host.token({ identity }));
  await speakers.page.evaluate(async (given) => {
    const context = new AudioContext();
    await context.resume();
    window.gains = [];
    for (const [i, token] of given.entries()) {
      const tone = context.createOscillator();
      const gain = context.createGain();
      const out = context.createMediaStreamDestination();
      tone.frequency.value = 300 + 100 * i;
      gain.gain.value = 0;
      tone.connect(gain).connect(out);
      tone.start();
      window.gains.push(gain);
      // oxlint-disable-next-line no-await-in-loop -- the first ones are heard until others speak
      await window.sdk.join(location.origin, { token, publish: out.stream });
    }
  }, tokens);
  const port = await speakers.page.evaluate(() => {
    const { sdp = '' } = window.pcs[0]?.remoteDescription ?? {};
    return Number(/a=candidate:\S+ 1 udp \d+ \S+ (\d+) /.exec(sdp)?.[1]);
  });
  for (let i = 0; i < 2; i++) paths.push(await UdpBottleneck.to('127.0.0.1', port));
  [ann, bob] = await Promise.all([listen('ann', paths[0]!), listen('bob', paths[1]!, false)]);
}, 60_000);
afterAll(async () => {
  await browser.close();
  for (const path of paths) path.close();
  await host.sterna.stop();
});

const speak = (...who: readonly number[]): Promise<void> =>
  speakers.page.evaluate(
    ([speaking, level]) => {
      for (const [i, { gain }] of window.gains.entries()) {
        gain.value = speaking.includes(i + 1) ? level : 0;
      }
    },
    [who, SPEECH] as const,
  );

/** @param path between the server and the page; `red` false: the page knows no redundancy. */
async function listen(identity: string, path: UdpBottleneck, red = true): Promise<SdkPage> {
  const page = await SdkPage.open(browser, host);
  await page.page.evaluate(
    ([port, hasRed]) => {
      window.RTCPeerConnection = class extends window.RTCPeerConnection {
        override async setRemoteDescription({
          type,
          sdp = '',
        }: RTCSessionDescriptionInit): Promise<void> {
          const candidate = /(a=candidate:\S+ 1 udp \d+ \S+) \d+ /g;
          await super.setRemoteDescription({
            type,
            sdp: sdp.replaceAll(candidate, `$1 ${port} `),
          });
        }
      };
      if (hasRed) return;
      // oxlint-disable-next-line typescript/unbound-method -- called with a transceiver below
      const native = RTCRtpTransceiver.prototype.setCodecPreferences;
      RTCRtpTransceiver.prototype.setCodecPreferences = function (codecs) {
        native.call(
          this,
          [...codecs].filter(({ mimeType }) => mimeType !== 'audio/red'),
        );
      };
    },
    [path.port, red] as const,
  );
  return page.join({ identity, media: false });
}

/** Who is heard in the page, by the sound that is played. */
const heardIn = (page: SdkPage): Promise<string[]> =>
  page.page.evaluate(() =>
    [...window.room.participants.values()]
      .filter(({ sid }) => window.room.audioLevel(sid) > 0.01)
      .map(({ identity }) => identity)
      .toSorted(),
  );

/** Why each of those who speak is not forwarded, as the server says. */
async function waits(listener: string): Promise<Record<string, string | null>> {
  const { subscriptions } = await statsOf(host.sterna, listener);
  const identities = await ann.page.evaluate(() =>
    [...window.room.participants.values()].map(({ sid, identity }) => [sid, identity] as const),
  );
  const bySid = new Map(identities);
  return Object.fromEntries(
    subscriptions.flatMap((one) => {
      const identity = bySid.get(one.participant ?? '');
      return identity === undefined ? [] : [[identity, one.waits]];
    }),
  );
}

test('of four who speak three are heard, and the fourth where it is pinned', async () => {
  await speak(1, 2, 3);
  await expect.poll(() => heardIn(ann), { timeout: 15_000 }).toEqual(['s1', 's2', 's3']);
  await speak(1, 2, 3, 4);
  await bob.page.evaluate(async () => {
    const fourth = [...window.room.participants.values()].find(({ identity }) => identity === 's4');
    await window.room.subscribe(fourth!.publications[0]!, { pin: true });
  });
  await expect.poll(() => heardIn(bob), { timeout: 15_000 }).toEqual([...SPEAKERS]);
  expect(await heardIn(ann)).toEqual(['s1', 's2', 's3']);
  expect(await waits('ann')).toEqual({ s1: null, s2: null, s3: null, s4: 'quiet' });
  expect((await waits('bob')).s4).toBeNull();
  // Who falls silent gives the place to who goes on.
  await speak(1, 2);
  await expect.poll(() => heardIn(bob), { timeout: 15_000 }).toEqual(['s1', 's2']);
  await new Promise((done) => setTimeout(done, 1200));
  await speak(1, 2, 4);
  await expect.poll(() => heardIn(ann), { timeout: 15_000 }).toEqual(['s1', 's2', 's4']);
  expect(await waits('ann')).toMatchObject({ s3: 'quiet', s4: null });
});

/** Of all streams: samples that were played, and those of them that were made up where there was sound before. */
const played = (page: SdkPage): Promise<{ total: number; concealed: number }> =>
  page.page.evaluate(async () => {
    const sums = { total: 0, concealed: 0 };
    for (const pc of window.pcs) {
      // oxlint-disable-next-line no-await-in-loop
      for (const report of (await pc.getStats()).values()) {
        const { type, kind, ...stats } = report as Record<string, unknown>;
        if (type !== 'inbound-rtp' || kind !== 'audio') continue;
        sums.total += Number(stats['totalSamplesReceived'] ?? 0);
        sums.concealed += Number(stats['concealedSamples'] ?? 0);
        sums.concealed -= Number(stats['silentConcealedSamples'] ?? 0);
      }
    }
    return sums;
  });

/** Of all that a listener is sent. */
const redundancy = async (who: string): Promise<unknown[]> => {
  const { subscriptions } = await statsOf(host.sterna, who);
  return [
    ...new Set(subscriptions.filter((one) => one.waits === null).map((one) => one['redundancy'])),
  ];
};

test('who loses packets gets redundancy, and makes up less than who cannot have it', async () => {
  await speak(1);
  for (const page of [ann, bob]) {
    await expect.poll(() => heardIn(page), { timeout: 15_000 }).toEqual(['s1']);
  }
  // Three streams come in turn: with a multiple of three it would be one of them that loses all.
  for (const path of paths) path.losesOneIn = 7;
  await expect.poll(() => redundancy('ann'), { timeout: 20_000 }).toEqual(['made']);
  expect(await redundancy('bob')).toEqual(['none']);
  const before = [await played(ann), await played(bob)];
  await new Promise((done) => setTimeout(done, 3000));
  const after = [await played(ann), await played(bob)];
  const [withIt, without] = after.map(
    ({ total, concealed }, i) => (concealed - before[i]!.concealed) / (total - before[i]!.total),
  );
  // oxlint-disable-next-line no-console -- for who looks at it
  console.log(`concealed with redundancy: ${withIt}, and without: ${without}`);
  expect(without).toBeGreaterThan(0.05);
  expect(withIt).toBeLessThan(without! / 2);
});
