// What the browsers of this machine publish, recorded, goes through a router whole. With GOLDEN=<regular expression of
// names> the traces in test/fixtures/golden are recorded anew, as their README says.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { checkForwarded } from '../support/golden/forwarded.ts';
import { publishedPackets } from '../support/golden/published.ts';
import { recordTrace, type Recording } from '../support/golden/record.ts';
import { play, shown, whole } from '../support/golden/replay.ts';
import { decodeTrace, encodeTrace, writeTrace } from '../support/golden/trace.ts';
import { Firefox } from '../support/peers/firefox.ts';
import { RouterWorld } from '../support/sfu-router/router-world.ts';

/** Chromium encodes no third picture of fewer lines; it takes a while until it does of this. */
const SIMULCAST = {
  codecs: ['VP8'],
  audio: false,
  rids: ['q', 'h', 'f'],
  width: 960,
  height: 540,
  frameRate: 10,
  maxBitrate: 600_000,
} as const;

const RECORDINGS: Readonly<Record<string, Recording>> = {
  'chromium-vp8-red': { codecs: ['VP8', 'red', 'opus'] },
  'firefox-vp8': { codecs: ['VP8', 'opus'] },
  'chromium-vp9': { codecs: ['VP9', 'opus'] },
  'chromium-h264': { codecs: ['H264', 'opus'] },
  'chromium-av1': { codecs: ['AV1', 'opus'] },
  'chromium-simulcast': SIMULCAST,
  'firefox-vp9': { codecs: ['VP9', 'opus'] },
  'firefox-av1': { codecs: ['AV1', 'opus'] },
  'firefox-simulcast': SIMULCAST,
};

const wanted = process.env['GOLDEN'];
const names = Object.keys(RECORDINGS).filter((name) => new RegExp(wanted ?? '-vp8').test(name));

let chromium: Chromium;
let firefox: Firefox;

beforeAll(async () => {
  chromium = await Chromium.launch();
  firefox = await Firefox.launch();
});
afterAll(async () => {
  await chromium?.close();
  await firefox?.close();
});

test.each(names)('%s', async (name) => {
  const browser = name.startsWith('chromium') ? chromium : firefox;
  const recorded = await recordTrace(browser, RECORDINGS[name]!);
  const trace = decodeTrace(encodeTrace(recorded));
  const world = new RouterWorld();
  const startedAt = world.now;
  const { publisher, subscriber } = shown(world, trace);
  play(world, [{ transport: publisher, packets: whole(trace) }]);
  const published = [...publishedPackets(trace).values()];
  for (const slot of subscriber.slots) {
    const forwarded = checkForwarded(slot, subscriber.sentIn(slot), published, startedAt);
    const last = forwarded.segments.at(-1)!;
    expect(forwarded.gaps).toEqual([]);
    expect(last.last).toBe(published.flat().findLast(({ ssrc }) => ssrc === last.ssrc));
    expect(last.packets).toBeGreaterThan(20);
  }
  world.close();
  if (wanted !== undefined) writeTrace(name, recorded);
});
