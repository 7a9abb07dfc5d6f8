// Chromium's ICE against the lite agent: it connects, and an ICE restart brings it to new sockets of its own
// while the session lives on, whether its new offer is answered at once or late.

import type { Page } from 'playwright-core';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { LiteSide } from '../unit/sfu/lite-side.ts';

let chromium: Chromium;
let lite: LiteSide;
let page: Page;

beforeEach(async () => {
  chromium = await Chromium.launch({ devices: false });
  lite = new LiteSide();
  await lite.start('udp');
  page = await chromium.open('about:blank');
});

afterEach(async () => {
  await chromium.close();
  await lite.transport.close();
});

interface Peer {
  peer: RTCPeerConnection;
}

const offer = (iceRestart: boolean): Promise<string> =>
  page.evaluate(async (restarts) => {
    const global = globalThis as unknown as Peer;
    if (!restarts) {
      global.peer = new RTCPeerConnection();
      global.peer.createDataChannel('proof');
    }
    await global.peer.setLocalDescription(await global.peer.createOffer({ iceRestart: restarts }));
    return global.peer.localDescription?.sdp ?? '';
  }, iceRestart);

const accept = (answer: string): Promise<void> =>
  page.evaluate(
    (sdp) => (globalThis as unknown as Peer).peer.setRemoteDescription({ type: 'answer', sdp }),
    answer,
  );

const iceState = (): Promise<string> =>
  page.evaluate(() => (globalThis as unknown as Peer).peer.iceConnectionState);

const selected = (): string => lite.session?.selected?.remote.toString() ?? 'none';

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

async function connect(): Promise<void> {
  await accept(lite.answer(await offer(false)));
  await until(async () => (await iceState()) === 'connected' && selected() !== 'none');
}

it('connects, and sends its DTLS from what the agent has validated', async () => {
  await connect();
  await until(() => lite.dtls > 0);
  const { refused, drops } = lite.ice.stats();
  expect([refused, drops['unknown-username'], drops['bad-integrity']]).toEqual([0, 0, 0]);
  expect(lite.refused).toEqual([]);
});

it('comes from new sockets after a restart that is answered at once', async () => {
  await connect();
  const before = selected();
  await accept(lite.answer(await offer(true)));
  await until(() => selected() !== before);
  expect(lite.session?.state).toBe('connected');
  expect(lite.owner.heard).not.toContain('consent lost');
  expect(await iceState()).toBe('connected');
});

it('is heard on its new sockets before its restart has been answered, or even told', async () => {
  await connect();
  const before = selected();
  const restart = await offer(true);
  await until(() => (lite.session?.tuples.length ?? 0) > 1);
  const moved = lite.session!.tuples.map(({ remote }) => remote.toString());
  await accept(lite.answer(restart));
  await until(() => selected() !== before);
  expect(moved).toContain(selected());
  expect(lite.ice.stats().drops['unknown-username']).toBe(0);
});
