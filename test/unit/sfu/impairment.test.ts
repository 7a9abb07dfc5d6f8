// A participant whose network is made bad: STUN, DTLS and media of it suffer both ways, on every engine; nobody else's
// do; it ends by itself, and nothing of it is left.
/* oxlint-disable vitest/no-standalone-expect -- onNets and onCore are tests */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect } from 'vitest';
import type { SfuPath } from '../../../sfu/control.ts';
import { CERTIFICATE_B, contextOf } from '../../support/sfu/dtls-end.ts';
import { onCore, onNets } from '../../support/sfu/media-drivers.ts';
import { CoreNet } from '../../support/sfu/media-net.ts';
import { MediaPeer } from '../../support/sfu/media-peer.ts';
import { type MediaWorld, PATIENT } from '../../support/sfu/media-world.ts';
import { arena, payload, put, rtpHeader } from './srtp-fixture.ts';
import { exchangeMedia, header, SSRC } from './transport-media.ts';

const clients = contextOf(CERTIFICATE_B, PATIENT);
afterAll(() => clients.free());

const MINUTE = 60_000;

/** An RTP packet each way; they arrive when `settle` has been waited for. */
function exchange(peer: MediaPeer, n: number): void {
  peer.send(peer.protect(Buffer.concat([rtpHeader(SSRC, n), payload(100)])));
  put(payload(100), 64);
  peer.transport.sendRtp(header(n), arena, 64, 100, peer.world.now());
}

const numbers = (packets: readonly Buffer[]): number[] =>
  packets.map((packet) => packet.readUInt16BE(2));

/** How many packets have arrived: at the server, and at the peer. */
async function arrived(peer: MediaPeer): Promise<[up: number, down: number]> {
  await peer.settle();
  return [peer.observer.rtp.splice(0).length, peer.rtp.splice(0).length];
}

async function pass(world: MediaWorld, ms: number): Promise<void> {
  if (world.net instanceof CoreNet) world.net.pass(ms);
  else await sleep(ms);
}

for (const kind of ['udp', 'tcp', 'relay'] as const) {
  const register = kind === 'udp' ? onNets : onCore;
  register(
    `${kind}: what is delayed arrives whole, late and in order`,
    async (world: MediaWorld) => {
      const peer = await new MediaPeer(world, clients).connect(kind);
      const other = await new MediaPeer(world, clients).connect(kind);
      const bad = { delayMs: 300 };
      peer.transport.impair({ up: bad, down: bad, seed: 1, ms: MINUTE }, world.now());
      for (let n = 1; n <= 20; n++) exchange(peer, n);
      peer.answers.length = 0;
      peer.check();
      expect(await arrived(peer)).toEqual([0, 0]);
      expect(peer.answers).toEqual([]);
      expect(world.server.stats().impairedBytes).toBeGreaterThan(4000);
      await exchangeMedia(other, 1);
      await pass(world, 400);
      await peer.settle();
      const all = Array.from({ length: 20 }, (_, i) => i + 1);
      expect(numbers(peer.observer.rtp.splice(0))).toEqual(all);
      expect(numbers(peer.rtp.splice(0))).toEqual(all);
      // The check was late, and so is its answer.
      await pass(world, 400);
      await peer.settle();
      expect(peer.answers).toEqual(['success']);
      expect(world.server.stats().impairedBytes).toBe(0);
      peer.transport.impair({ up: null, down: null, seed: 1, ms: MINUTE }, world.now());
      await exchangeMedia(peer, 30);
    },
  );
}

onCore(
  'everything is lost, checks and the end of DTLS too, until the time is over',
  async (world) => {
    const peer = await new MediaPeer(world, clients).connect();
    peer.transport.impair({ up: { loss: 1 }, seed: 1, ms: 5000 }, world.now());
    peer.answers.length = 0;
    exchange(peer, 1);
    peer.check();
    peer.dtls.transport.close();
    peer.flush();
    expect(await arrived(peer)).toEqual([0, 1]);
    expect(peer.answers).toEqual([]);
    expect(peer.transport.state).toBe('connected');
    expect(world.drops()).toEqual({ 'impaired-loss': 3 });
    world.net.pass(5004);
    exchange(peer, 2);
    peer.check();
    expect(await arrived(peer)).toEqual([1, 1]);
    expect(peer.answers).toEqual(['success']);
  },
);

onCore('only what comes and goes by the path that is left passes', async (world) => {
  const paths: readonly SfuPath[] = ['udp', 'tcp', 'relay'];
  for (const passes of ['tcp', 'relay', 'nothing'] as const) {
    for (const kind of paths) {
      const peer = await new MediaPeer(world, clients).connect(kind);
      peer.transport.impair({ passes, seed: 1, ms: MINUTE }, world.now());
      peer.answers.length = 0;
      exchange(peer, 1);
      peer.check();
      const count = kind === passes ? 1 : 0;
      expect([kind, passes, ...(await arrived(peer))]).toEqual([kind, passes, count, count]);
      expect(peer.answers).toHaveLength(count);
      peer.transport.impair({ passes: null, seed: 1, ms: MINUTE }, world.now());
      await exchangeMedia(peer, 2);
    }
  }
});

onCore('with UDP gone it goes on by TCP', async (world) => {
  const peer = await new MediaPeer(world, clients).connect('udp');
  peer.transport.impair({ passes: 'tcp', seed: 1, ms: MINUTE }, world.now());
  const udp = peer.path;
  await peer.move('tcp');
  peer.check({ nominate: true });
  await peer.settle();
  expect(peer.transport.path).toBe('tcp');
  await exchangeMedia(peer, 1);
  peer.use(udp);
  peer.check({ nominate: true });
  await peer.settle();
  expect(peer.transport.path).toBe('tcp');
});

onCore(
  'where nothing passes a restart of ICE ends that, and not the bad network',
  async (world) => {
    const peer = await new MediaPeer(world, clients).connect();
    const { transport } = peer;
    transport.impair({ passes: 'nothing', down: { loss: 1 }, seed: 1, ms: MINUTE }, world.now());
    peer.answers.length = 0;
    peer.check();
    await peer.settle();
    expect(peer.answers).toEqual([]);
    expect(peer.restart()).toBe(true);
    exchange(peer, 1);
    expect(await arrived(peer)).toEqual([1, 0]);
    transport.impair({ down: null, seed: 1, ms: MINUTE }, world.now());
    peer.check({ nominate: true });
    await peer.settle();
    expect(peer.answers).toEqual(['success']);
    await exchangeMedia(peer, 2);
  },
);

onCore('what is lifted or replaced hands over what it kept, in order', async (world) => {
  const peer = await new MediaPeer(world, clients).connect();
  const slow = { delayMs: 5000 };
  peer.transport.impair({ up: slow, down: slow, seed: 1, ms: MINUTE }, world.now());
  exchange(peer, 1);
  await peer.settle();
  peer.transport.impair({ up: { delayMs: 8 }, seed: 1, ms: MINUTE }, world.now());
  exchange(peer, 2);
  expect(await arrived(peer)).toEqual([1, 0]);
  world.net.pass(12);
  expect(await arrived(peer)).toEqual([1, 0]);
  peer.transport.impair({ up: null, down: null, seed: 1, ms: MINUTE }, world.now());
  expect(await arrived(peer)).toEqual([0, 2]);
  expect(world.server.stats().impairedBytes).toBe(0);
});

onCore('no longer than five minutes, whatever is asked for', async (world) => {
  const peer = await new MediaPeer(world, clients).connect();
  peer.transport.impair({ down: { loss: 1 }, seed: 1, ms: 2 ** 50 }, world.now());
  peer.answers.length = 0;
  for (let waited = 0; waited < 300_000; waited += 10_000) {
    exchange(peer, waited / 10_000 + 1);
    peer.check();
    expect((await arrived(peer))[1]).toBe(0);
    world.net.pass(10_000);
  }
  expect(peer.answers).toEqual([]);
  world.net.pass(4);
  exchange(peer, 100);
  expect(await arrived(peer)).toEqual([1, 1]);
});

onCore('one that is closed keeps nothing, also while it is handed what was kept', async (world) => {
  for (const how of ['idle', 'receiving'] as const) {
    const peer = await new MediaPeer(world, clients).connect();
    const slow = { delayMs: 100 };
    peer.transport.impair({ up: slow, down: slow, seed: 1, ms: MINUTE }, world.now());
    for (let n = 1; n <= 5; n++) exchange(peer, n);
    await peer.settle();
    expect(world.server.stats().impairedBytes).toBeGreaterThan(0);
    if (how === 'idle') peer.transport.close();
    else peer.observer.act = () => peer.transport.close();
    world.net.pass(104);
    expect((await arrived(peer))[0]).toBe(how === 'idle' ? 0 : 1);
    expect(peer.transport.state).toBe('closed');
    expect(world.server.stats().impairedBytes).toBe(0);
    world.net.pass(MINUTE);
  }
});

onCore('a connection that ends takes what it brought along', async (world) => {
  const peer = await new MediaPeer(world, clients).open();
  const stream = world.stream();
  peer.use(stream);
  peer.transport.impair({ up: { delayMs: 100 }, seed: 1, ms: MINUTE }, world.now());
  peer.check({ nominate: true });
  // It is authentic, so the connection stays.
  expect(world.closedStreams).toEqual([]);
  stream.close();
  world.net.pass(104);
  await peer.settle();
  expect(peer.transport.path).toBe('');
  expect(world.drops()).toEqual({ 'unknown-stream': 1 });
});
