// What a media transport goes through: other addresses, ICE restarts, lost consent, lost connections, time-outs, and
// the end by either side, in the midst of anything.
/* oxlint-disable vitest/no-standalone-expect -- onNets, onEngines and onCore are tests */

import { afterAll, describe, expect } from 'vitest';
import type { SfuPath } from '../../../sfu/control.ts';
import { CERTIFICATE_B, contextOf } from '../../support/sfu/dtls-end.ts';
import { onCore, onNets } from '../../support/sfu/media-drivers.ts';
import type { CoreNet } from '../../support/sfu/media-net.ts';
import { MediaPeer, type PeerOptions } from '../../support/sfu/media-peer.ts';
import { type MediaWorld, PATIENT, type StreamPath } from '../../support/sfu/media-world.ts';
import { exchangeMedia, header } from './transport-media.ts';
import { arena, rtcpPacket, rtpHeader } from './srtp-fixture.ts';

const clients = contextOf(CERTIFICATE_B, PATIENT);
afterAll(() => clients.free());

const peerOf = (world: MediaWorld, options: PeerOptions = {}): MediaPeer =>
  new MediaPeer(world, clients, options);

const sendOne = ({ transport, world }: MediaPeer, sequenceNumber: number): number =>
  transport.sendRtp(header(sequenceNumber), arena, 64, 100, world.now());

describe('another address', () => {
  const moves: readonly (readonly [SfuPath, SfuPath])[] = [
    ['udp', 'udp'],
    ['udp', 'tcp'],
    ['tcp', 'relay'],
    ['relay', 'udp'],
    ['tcp', 'tcp'],
  ];
  for (const [from, to] of moves) {
    onNets(
      `${to} after ${from}: heard once it is checked, sent to once nominated`,
      async (world) => {
        const peer = await peerOf(world).connect(from);
        const before = peer.path;
        await peer.move(to);
        peer.check();
        await peer.settle();
        await exchangeMedia(peer, 1);
        expect([peer.mediaOn, peer.transport.path]).toEqual([before, from]);
        peer.check({ nominate: true });
        await peer.settle();
        await exchangeMedia(peer, 2);
        expect([peer.mediaOn, peer.transport.path]).toEqual([peer.path, to]);
        peer.use(before);
        await exchangeMedia(peer, 3);
        expect(peer.observer.heard).toEqual(['connected']);
        expect(world.drops()).toEqual({});
      },
    );
  }
});

describe('an ICE restart', () => {
  onNets(
    'leaves media alone, and brings it to where the new credentials come from',
    async (world) => {
      const peer = await peerOf(world).connect();
      const before = peer.path;
      expect(peer.restart()).toBe(true);
      await exchangeMedia(peer, 1);
      await peer.move('udp');
      peer.check({ nominate: true });
      await peer.settle();
      await exchangeMedia(peer, 2);
      expect([peer.mediaOn === before, peer.transport.state]).toEqual([false, 'connected']);
      expect(peer.observer.heard).toEqual(['connected']);
    },
  );

  onCore('with a username fragment that is in use does not happen', async (world) => {
    const peer = await peerOf(world).connect();
    const other = await peerOf(world).open();
    expect(peer.transport.restart({ local: other.local, remote: peer.remote }, world.now())).toBe(
      false,
    );
    await exchangeMedia(peer, 1);
    peer.transport.close();
    expect(peer.restart()).toBe(false);
  });
});

/** Lets time go by, with a check every five seconds. */
async function stay(peer: MediaPeer, net: CoreNet, ms: number, nominate = true): Promise<void> {
  for (let passed = 0; passed < ms; passed += 5000) {
    net.pass(5000);
    peer.check({ nominate });
    await peer.settle();
  }
}

describe('consent', () => {
  onCore('that is renewed lasts', async (world) => {
    const peer = await peerOf(world).connect();
    await stay(peer, world.net, 600_000);
    await exchangeMedia(peer, 1);
    expect(peer.observer.heard).toEqual(['connected']);
  });

  onCore('that runs out ends sending; from another address it comes back', async (world) => {
    const peer = await peerOf(world).connect();
    world.net.pass(29_990);
    expect(sendOne(peer, 1)).toBeGreaterThan(0);
    world.net.pass(20);
    expect(peer.observer.heard).toEqual(['connected', 'disconnected']);
    expect([peer.transport.state, peer.transport.path]).toEqual(['disconnected', '']);
    expect(sendOne(peer, 2)).toBe(0);
    expect(peer.transport.sendRtcp(arena, 64, 32, world.now())).toBe(false);
    peer.send(peer.protect(rtpHeader(7, 7)));
    await peer.settle();
    expect([world.drops(), peer.observer.rtp]).toEqual([{ 'not-validated': 1 }, []]);
    await peer.move('udp');
    peer.check();
    await peer.settle();
    // It had been sent in time.
    expect(peer.rtp.splice(0)).toHaveLength(1);
    expect(peer.transport.state).toBe('disconnected');
    peer.check({ nominate: true });
    await peer.settle();
    expect(peer.observer.heard).toEqual(['connected', 'disconnected', 'connected']);
    await exchangeMedia(peer, 3);
  });

  onCore('ends sending when it runs out, however late the timer', async (world) => {
    const peer = await peerOf(world).connect();
    world.net.engine.now += 30_000;
    expect(sendOne(peer, 1)).toBe(0);
    expect(peer.transport.state).toBe('connected');
    world.net.pass(1);
    expect(peer.transport.state).toBe('disconnected');
  });

  onCore('that does not come back for 30 s closes the transport', async (world) => {
    const peer = await peerOf(world).connect();
    world.net.pass(30_004);
    world.net.pass(29_990);
    expect(peer.transport.state).toBe('disconnected');
    world.net.pass(20);
    expect(peer.observer.heard).toEqual(['connected', 'disconnected', 'closed ice-timeout']);
    expect(peer.transport.state).toBe('closed');
    expect(world.server.stats().transports).toBe(0);
  });

  onCore('has as long again after an ICE restart', async (world) => {
    const peer = await peerOf(world).connect();
    world.net.pass(30_004);
    world.net.pass(20_000);
    peer.restart();
    world.net.pass(20_000);
    peer.check({ nominate: true });
    await peer.settle();
    expect(peer.observer.heard).toEqual(['connected', 'disconnected', 'connected']);
    await exchangeMedia(peer, 1);
    await stay(peer, world.net, 60_000);
    expect(peer.transport.state).toBe('connected');
  });

  onNets('ends with the TCP connection, and comes back with the next one', async (world) => {
    const peer = peerOf(world);
    await peer.open('udp');
    const stream: StreamPath = world.stream();
    peer.use(stream);
    peer.check({ nominate: true });
    peer.startDtls();
    await peer.settle();
    await exchangeMedia(peer, 1);
    stream.close();
    stream.close();
    expect(peer.observer.heard).toEqual(['connected', 'disconnected']);
    expect(sendOne(peer, 2)).toBe(0);
    stream.send(peer.protect(rtpHeader(7, 7)));
    expect(world.drops()).toEqual({ 'unknown-stream': 1 });
    await peer.move('tcp');
    peer.check({ nominate: true });
    await peer.settle();
    expect(peer.observer.heard).toEqual(['connected', 'disconnected', 'connected']);
    await exchangeMedia(peer, 3);
    // The peer closed the first one itself.
    expect(world.closedStreams).toEqual([]);
    peer.transport.close();
    expect(world.closedStreams).toEqual([2]);
  });
});

describe('a transport that does not connect is closed', () => {
  onCore('after 30 s without a check', async (world) => {
    const peer = await peerOf(world).open();
    world.net.pass(29_990);
    expect([peer.transport.state, peer.observer.heard]).toEqual(['new', []]);
    world.net.pass(20);
    expect(peer.observer.heard).toEqual(['closed ice-timeout']);
    expect(world.server.stats()).toMatchObject({ transports: 0, connecting: 0 });
    peer.check({ nominate: true });
    await peer.settle();
    expect([peer.answers, world.drops()]).toEqual([[], { 'unknown-username': 1 }]);
  });

  onCore('unless DTLS was done over a pair that is yet to be nominated', async (world) => {
    const peer = await peerOf(world).open();
    peer.check();
    await peer.settle();
    expect([sendOne(peer, 1), peer.transport.path]).toEqual([0, '']);
    peer.startDtls();
    await peer.settle();
    expect([peer.transport.state, peer.transport.path]).toEqual(['connected', 'udp']);
    await exchangeMedia(peer, 1);
    await stay(peer, world.net, 35_000, false);
    expect(peer.observer.heard).toEqual(['connected']);
    world.net.pass(31_000);
    expect(peer.observer.heard).toEqual(['connected', 'disconnected']);
  });

  for (const setup of ['active', 'passive'] as const) {
    onCore(`after 30 s of DTLS as the ${setup} side that nobody answers`, async (world) => {
      const peer = await peerOf(world, { setup }).open();
      peer.dtls.transport.close();
      peer.check({ nominate: true });
      await peer.settle();
      await stay(peer, world.net, 25_000);
      expect([peer.transport.state, peer.transport.path]).toEqual(['connecting', 'udp']);
      await stay(peer, world.net, 10_000);
      expect(peer.observer.heard).toEqual(['closed timeout']);
    });
  }

  onCore('30 s after its only connection went away, which nobody had heard of', async (world) => {
    const peer = await peerOf(world).open();
    const stream = world.stream();
    peer.use(stream);
    peer.check({ nominate: true });
    world.net.pass(20_000);
    stream.close();
    expect(peer.transport.state).toBe('connecting');
    // DTLS waits no longer than before.
    world.net.pass(10_010);
    expect(peer.observer.heard).toEqual(['closed timeout']);
  });
});

describe('the end', () => {
  onNets('by the peer is told, and leaves nothing', async (world) => {
    const peer = await peerOf(world).connect();
    peer.dtls.transport.close();
    peer.flush();
    await peer.settle();
    expect(peer.observer.heard).toEqual(['connected', 'closed peer-closed']);
    expect(world.server.stats()).toMatchObject({ transports: 0, connecting: 0 });
    expect(world.dtls.sessions).toBe(0);
    expect(sendOne(peer, 1)).toBe(0);
    peer.transport.close();
    expect(peer.observer.heard).toHaveLength(2);
  });

  onNets('of the server tells all peers, and no observer', async (world) => {
    const peers = [peerOf(world), peerOf(world), peerOf(world)];
    await peers[0]!.connect('udp');
    await peers[1]!.connect('tcp');
    await peers[2]!.open();
    const idle = world.stream();
    world.server.close();
    for (const peer of peers) await peer.settle();
    expect(peers.map(({ dtls }) => dtls.closed.length)).toEqual([1, 1, 0]);
    expect(peers.map(({ observer }) => observer.heard)).toEqual([['connected'], ['connected'], []]);
    expect(peers.map(({ transport }) => transport.state)).toEqual(['closed', 'closed', 'closed']);
    expect(world.closedStreams).toContain(idle.id);
    // Commands that were on their way.
    idle.send(Uint8Array.of(1));
    world.stream();
    const late = peerOf(world);
    expect(late.ask()).toBe('full');
    const relay = await world.path('relay');
    relay.send(Uint8Array.of(1));
  });

  const causes: readonly (readonly [string, (peer: MediaPeer, net: CoreNet) => void])[] = [
    ['connected', () => undefined],
    ['rtp', (peer) => peer.send(peer.protect(rtpHeader(7, 7)))],
    ['rtcp', (peer) => peer.send(peer.protectRtcp(rtcpPacket(7, 2)))],
    ['disconnected', (_peer, net) => net.pass(30_004)],
    [
      'closed peer-closed',
      (peer) => {
        peer.dtls.transport.close();
        peer.flush();
      },
    ],
  ];
  for (const [moment, cause] of causes) {
    for (const kind of ['udp', 'tcp'] as const) {
      onCore(`by the owner, while it hears "${moment}", by ${kind}`, async (world) => {
        const peer = peerOf(world);
        const other = await peerOf(world).connect();
        peer.observer.act = (what) => {
          if (what === moment) peer.transport.close();
        };
        await peer.connect(kind);
        cause(peer, world.net);
        await peer.settle();
        if (moment !== 'disconnected') await exchangeMedia(other, 1);
        expect(peer.observer.heard.at(-1)).toBe(moment.startsWith('r') ? 'connected' : moment);
        expect(peer.transport.state).toBe('closed');
        expect(world.server.stats()).toMatchObject({ transports: 1, connecting: 0, streams: 0 });
      });
    }
  }

  onCore('of one whose connection is lost, while it hears of that', async (world) => {
    const peer = await peerOf(world).open();
    const stream = world.stream();
    peer.use(stream);
    peer.check({ nominate: true });
    peer.startDtls();
    await peer.settle();
    peer.observer.act = () => peer.transport.close();
    stream.close();
    expect(peer.observer.heard).toEqual(['connected', 'disconnected']);
    expect(world.server.stats()).toMatchObject({ transports: 0, streams: 0 });
  });
});
