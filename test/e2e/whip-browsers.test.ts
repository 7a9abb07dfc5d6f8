// Firefox and Chromium publish over WHIP and play over WHEP, from pages of another origin.

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { BlankOrigin, BrowserPeer } from '../support/peers/browser-peer.ts';
import { Firefox } from '../support/peers/firefox.ts';
import { WhipMeeting } from '../support/peers/whip-meeting.ts';
import type { Resource } from '../support/peers/scripted-peer.ts';

let meeting: WhipMeeting;
let chromium: Chromium;
let firefox: Firefox;
let origin: BlankOrigin;

beforeAll(async () => {
  meeting = await WhipMeeting.start();
  chromium = await Chromium.launch();
  firefox = await Firefox.launch();
  origin = await BlankOrigin.start();
});

afterEach(async () => {
  await chromium.closePages();
  chromium.throwErrors();
});

afterAll(async () => {
  await chromium?.close();
  await firefox?.close();
  await origin?.close();
  await meeting?.stop();
});

const inChromium = async (resource: Resource): Promise<BrowserPeer> =>
  new BrowserPeer(await chromium.open(origin.url), resource);
const inFirefox = async (resource: Resource): Promise<BrowserPeer> =>
  new BrowserPeer(await firefox.open(origin.url), resource);

/** Waits for so many more frames than there are. */
async function plays(player: BrowserPeer, more = 30): Promise<void> {
  const { framesDecoded: before } = await player.played();
  await expect
    .poll(async () => (await player.played()).framesDecoded, { timeout: 20_000 })
    .toBeGreaterThan(before + more);
}

test.each(['video/VP8', 'video/VP9'])('Firefox publishes %s, Chromium plays', async (codec) => {
  const room = `ff-${codec.slice(-3)}`;
  const publisher = await inFirefox(meeting.publish(room, `${room}-cam`));
  await publisher.publish(codec);
  const player = await inChromium(meeting.play(room));
  await player.play();
  await plays(player);
  const played = await player.played();
  expect(played.codec).toBe(codec);
  expect(played.audioPackets).toBeGreaterThan(0);
  expect(await publisher.leave()).toBe(200);
  expect(await meeting.ended(`${room}-cam`)).toBe('LEFT');
});

test.each(['video/VP8', 'video/VP9'])('Chromium publishes %s, Firefox plays', async (codec) => {
  const room = `cr-${codec.slice(-3)}`;
  const publisher = await inChromium(meeting.publish(room, `${room}-cam`));
  await publisher.publish(codec);
  const player = await inFirefox(meeting.play(room));
  await player.play();
  await plays(player);
  expect((await player.played()).codec).toBe(codec);
  // No DELETE: the end of DTLS tells.
  await publisher.hangUp();
  expect(await meeting.ended(`${room}-cam`)).toBe('LEFT');
});

test('Chromium publishes AV1, and Chromium plays from when it comes', async () => {
  const publisher = await inChromium(meeting.publish('av1', 'av1-cam'));
  await publisher.publish('video/AV1');
  const first = await inChromium(meeting.play('av1'));
  await first.play();
  await plays(first);
  // The stream has begun long ago: what it begins with is a key frame that was asked for.
  const second = await inChromium(meeting.play('av1'));
  await second.play();
  await plays(second);
  for (const player of [first, second]) {
    const { codec, width, height } = await player.played();
    expect([codec, width, height]).toEqual(['video/AV1', 640, 360]);
  }
  expect(await publisher.leave()).toBe(200);
});

test('media goes on over ICE restarts of both sides', async () => {
  const publisher = await inChromium(meeting.publish('restart', 'restarts'));
  await publisher.publish();
  const player = await inChromium(meeting.play('restart'));
  await player.play();
  await plays(player);
  for (const side of [publisher, player]) {
    await side.restartIce();
    await plays(player);
    expect(await side.state()).toBe('connected');
  }
});

test('who is put out by another one of its identity is cut off', async () => {
  const first = await inChromium(meeting.publish('twice', 'twin'));
  await first.publish();
  const player = await inChromium(meeting.play('twice'));
  await player.play();
  await plays(player);
  const second = await inChromium(meeting.publish('twice', 'twin'));
  await second.publish();
  await plays(player);
  expect(await meeting.ended('twin')).toBe('DUPLICATE_IDENTITY');
  expect(await first.leave()).toBe(404);
  expect(await second.leave()).toBe(200);
});
