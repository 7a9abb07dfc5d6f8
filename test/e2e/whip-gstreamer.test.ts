// GStreamer publishes over WHIP, and what it sends is decoded by GStreamer over WHEP and by Chromium.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { BlankOrigin, BrowserPeer } from '../support/peers/browser-peer.ts';
import { ScriptedPeer } from '../support/peers/scripted-peer.ts';
import { WhipMeeting } from '../support/peers/whip-meeting.ts';

let meeting: WhipMeeting;

beforeAll(async () => {
  meeting = await WhipMeeting.start();
});
afterEach(() => ScriptedPeer.killAll());
afterAll(() => meeting?.stop());

describe.each(['vp8', 'vp9', 'h264', 'h265'] as const)('%s', (codec) => {
  test('is decoded by GStreamer, in whichever order they come', async () => {
    const publisher = ScriptedPeer.gstPublish(meeting.publish(codec, 'camera'), codec);
    await publisher.connected();
    const first = ScriptedPeer.gstPlay(meeting.play(codec), codec);
    const frames = await first.decoded('video', 60);
    expect([frames.width, frames.height]).toEqual([320, 240]);
    await first.decoded('audio', 60);
    expect(await publisher.leave()).toBe(200);
    expect(await meeting.ended('camera')).toBe('LEFT');
    const before = first.count('video');
    const again = ScriptedPeer.gstPublish(meeting.publish(codec, 'camera'), codec, true);
    expect((await again.trickled())['status']).toBe(204);
    await first.decoded('video', before + 60);
    expect(await first.leave()).toBe(200);
    await again.leave();
  });
});

test('a player that waited for one participant sees it, and nobody else', async () => {
  const waits = ScriptedPeer.gstPlay(meeting.play('wait', 'ann'), 'vp8');
  await waits.connected();
  const bob = ScriptedPeer.gstPublish(meeting.publish('wait', 'bob'), 'vp8');
  const sees = ScriptedPeer.gstPlay(meeting.play('wait', 'bob'), 'vp8');
  await sees.decoded('video', 30);
  expect(waits.count('video')).toBe(0);
  const ann = ScriptedPeer.gstPublish(meeting.publish('wait', 'ann'), 'vp8');
  await waits.decoded('video', 30);
  await Promise.all([ann.leave(), bob.leave(), waits.leave(), sees.leave()]);
});

describe('in Chromium', () => {
  let browser: Chromium;
  let origin: BlankOrigin;

  beforeAll(async () => {
    browser = await Chromium.launch();
    origin = await BlankOrigin.start();
  });
  afterAll(async () => {
    await browser.close();
    await origin.close();
  });

  test.each(['vp8', 'vp9', 'h264'] as const)('%s is decoded', async (codec) => {
    const room = `chromium-${codec}`;
    const publisher = ScriptedPeer.gstPublish(meeting.publish(room, 'camera'), codec);
    await publisher.connected();
    const player = new BrowserPeer(await browser.open(origin.url), meeting.play(room));
    await player.play();
    await expect
      .poll(async () => (await player.played()).framesDecoded, { timeout: 20_000 })
      .toBeGreaterThan(60);
    const { codec: type, width, height, audioPackets } = await player.played();
    expect([type.toLowerCase(), width, height]).toEqual([`video/${codec}`, 320, 240]);
    expect(audioPackets).toBeGreaterThan(0);
    await publisher.leave();
    await browser.closePages();
    browser.throwErrors();
  });
});
