// WHIP clients of others, seen in Chromium over WHEP: aiortc, whose offer gives one header extension identifier two
// meanings, and Debian's simple-whip-client.

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { BlankOrigin, BrowserPeer } from '../support/peers/browser-peer.ts';
import { ScriptedPeer } from '../support/peers/scripted-peer.ts';
import { WhipClient } from '../support/peers/whip-client.ts';
import type { WhipClientOptions } from '../support/peers/whip-client.ts';
import { WhipMeeting } from '../support/peers/whip-meeting.ts';

let meeting: WhipMeeting;
let browser: Chromium;
let origin: BlankOrigin;

beforeAll(async () => {
  meeting = await WhipMeeting.start();
  browser = await Chromium.launch();
  origin = await BlankOrigin.start();
});

afterEach(async () => {
  await ScriptedPeer.killAll();
  await browser.closePages();
  browser.throwErrors();
});

afterAll(async () => {
  await browser?.close();
  await origin?.close();
  await meeting?.stop();
});

/** Resolves when a player of that room has decoded frames. */
async function seen(room: string): Promise<void> {
  const player = new BrowserPeer(await browser.open(origin.url), meeting.play(room));
  await player.play();
  await expect
    .poll(async () => (await player.played()).framesDecoded, { timeout: 20_000 })
    .toBeGreaterThan(30);
  expect((await player.played()).audioPackets).toBeGreaterThan(0);
}

test('aiortc', async () => {
  const publisher = ScriptedPeer.aiortcPublish(meeting.publish('aiortc', 'aiortc'));
  const { answer } = await publisher.answered();
  // RFC 8285 s5: an identifier has one meaning in a BUNDLE group.
  const meanings = new Map<string, string>();
  for (const [, id = '', uri = ''] of answer.matchAll(/^a=extmap:(\d+)\S* (\S+)\r$/gm)) {
    expect(meanings.get(id) ?? uri).toBe(uri);
    meanings.set(id, uri);
  }
  await publisher.connected();
  await seen('aiortc');
  expect(await publisher.leave()).toBe(200);
});

test.each<[string, WhipClientOptions]>([
  ['that trickles', {}],
  ['with all candidates in its offer', { trickle: false }],
  ['that takes the ICE servers of the Link header fields', { followLinks: true }],
])('simple-whip-client %s', async (how, options) => {
  const room = how.replaceAll(' ', '-');
  const client = new WhipClient(meeting.publish(room, room), options);
  try {
    await seen(room);
  } finally {
    await client.leave();
  }
  expect(await meeting.ended(room)).toBe('LEFT');
});
