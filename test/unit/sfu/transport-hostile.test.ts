// What strangers and participants of bad will can send to the media server: it is dropped and counted by reason, costs
// nobody else anything, and nobody gets an answer who has not proved who he is.
/* oxlint-disable vitest/no-standalone-expect -- onNets, onEngines and onCore are tests */

import { afterAll, describe, expect } from 'vitest';
import type { SfuPath } from '../../../sfu/control.ts';
import {
  DTLS_COST,
  OUTGOING_BYTES_MAX,
  PACKET_BYTES_MAX,
  PACKETS_AT_ONCE_MAX,
  PACKETS_PER_SECOND_MAX,
  RELAY_ADDRESSES_MAX,
  SSRCS_RECEIVED_MAX,
  SSRCS_SENT_MAX,
  STREAMS_MAX,
} from '../../../sfu/transport/limits.ts';
import { CERTIFICATE_A, CERTIFICATE_B, contextOf } from '../../support/sfu/dtls-end.ts';
import { onCore, onNets } from '../../support/sfu/media-drivers.ts';
import { MediaPeer, type PeerOptions } from '../../support/sfu/media-peer.ts';
import { type MediaWorld, PATIENT } from '../../support/sfu/media-world.ts';
import { FUZZ_SEED } from '../../support/fuzz.ts';
import { Chance } from '../../support/turn/fuzz.ts';
import { exchangeMedia, header } from './transport-media.ts';
import { arena, payload, rtcpPacket, rtpHeader } from './srtp-fixture.ts';

const clients = contextOf(CERTIFICATE_B, PATIENT);
const strangers = contextOf(CERTIFICATE_A, PATIENT);
afterAll(() => {
  clients.free();
  strangers.free();
});

const peerOf = (world: MediaWorld, options: PeerOptions = {}): MediaPeer =>
  new MediaPeer(world, clients, options);

const PATHS: readonly SfuPath[] = ['udp', 'relay'];

/** A first byte of each kind, and of none (RFC 7983 s7). */
const FIRST_BYTES = [0, 1, 3, 4, 16, 19, 20, 22, 23, 63, 64, 79, 80, 127, 128, 144, 191, 192, 255];

/** RFC 7983 s7. */
const looksLikeDtls = ([first = 0]: Uint8Array): boolean => first >= 20 && first <= 63;

function rubbish(chance: Chance): Uint8Array {
  const bytes = chance.bytes(chance.below(4) === 0 ? chance.below(20) : chance.below(1400));
  if (bytes.length > 0) bytes[0] = chance.pick(FIRST_BYTES);
  // Some look like RTCP.
  if (bytes.length > 1 && chance.below(4) === 0) bytes[1] = 200 + chance.below(8);
  return bytes;
}

describe('from addresses that nobody has validated', () => {
  for (const kind of PATHS) {
    onNets(
      `${kind}: random datagrams (seed ${FUZZ_SEED}) are not answered and do nothing to others`,
      async (world) => {
        const chance = new Chance(FUZZ_SEED);
        const peer = await peerOf(world).connect();
        const stranger = await world.path(kind);
        for (let i = 0; i < 500; i++) stranger.send(rubbish(chance));
        await exchangeMedia(peer, 1);
        expect(await stranger.take()).toEqual([]);
        const drops = world.drops();
        expect(Object.keys(drops).toSorted()).toEqual([
          'not-stun',
          'not-validated',
          'unknown-kind',
        ]);
        expect(Object.values(drops).reduce((sum, count) => sum + count, 0)).toBe(500);
        expect(peer.observer.heard).toEqual(['connected']);
      },
    );
  }

  onNets('DTLS before ICE is not looked at', async (world) => {
    const peer = await peerOf(world).open();
    peer.startDtls();
    await peer.settle();
    expect(world.drops()).toEqual({ 'not-validated': 1 });
    expect([world.dtls.sessions, peer.dtlsReceived, peer.transport.state]).toEqual([0, 0, 'new']);
  });

  onNets('authentic SRTP is dropped: its address has not been checked', async (world) => {
    const peer = await peerOf(world).connect();
    const stolen = peer.protect(Buffer.concat([rtpHeader(7, 7), payload(100)]));
    (await world.path('udp')).send(stolen);
    await exchangeMedia(peer, 1);
    expect(world.drops()).toEqual({ 'not-validated': 1 });
    expect(peer.observer.rtp).toEqual([]);
  });

  onNets(
    'checks with a wrong username fragment or password are met with silence',
    async (world) => {
      const peer = await peerOf(world).open();
      peer.check({ nominate: true, username: `AAAAAAAA:${peer.remote.ufrag}` });
      peer.check({ nominate: true, password: peer.remote.password });
      peer.startDtls();
      await peer.settle();
      expect(peer.answers).toEqual([]);
      expect(world.drops()).toEqual({
        'unknown-username': 1,
        'bad-integrity': 1,
        'not-validated': 1,
      });
      expect(peer.transport.state).toBe('new');
    },
  );
});

describe('from a participant', () => {
  for (const kind of ['udp', 'tcp', 'relay'] as const) {
    onNets(
      `${kind}: random datagrams (seed ${FUZZ_SEED}) do nothing to its transport or another's`,
      async (world) => {
        const chance = new Chance(FUZZ_SEED);
        const other = await peerOf(world).connect();
        const peer = await peerOf(world).connect(kind);
        // What looks like DTLS is dear: no more of it than leaves something for the packets afterwards.
        let dear = 0;
        for (let i = 0; i < 500; i++) {
          const bytes = rubbish(chance);
          if (looksLikeDtls(bytes)) dear += DTLS_COST;
          if (!looksLikeDtls(bytes) || dear < PACKETS_AT_ONCE_MAX / 2) peer.send(bytes);
        }
        await exchangeMedia(other, 1);
        await exchangeMedia(peer, 1);
        expect([peer.observer.heard, other.observer.heard]).toEqual([['connected'], ['connected']]);
        expect(peer.observer.rtp.length + peer.observer.rtcp.length).toBe(0);
        const { 'not-validated': none, ...drops } = world.drops();
        expect(none).toBeUndefined();
        expect(drops).toHaveProperty('srtp-forged');
        expect(drops).toHaveProperty('srtp-malformed');
        expect(drops).toHaveProperty('srtp-unencrypted');
      },
    );
  }

  onNets('what was there before is dropped, and what is changed', async (world) => {
    const peer = await peerOf(world).connect();
    const rtp = peer.protect(Buffer.concat([rtpHeader(7, 7), payload(100)]));
    const rtcp = peer.protectRtcp(rtcpPacket(7, 2));
    for (const packet of [rtp, rtcp, rtp, rtcp]) peer.send(packet);
    const forged = peer.protect(Buffer.concat([rtpHeader(7, 8), payload(100)]));
    forged[40]! ^= 1;
    peer.send(forged);
    await peer.settle();
    expect(world.drops()).toEqual({ 'srtp-replayed': 2, 'srtp-forged': 1 });
    expect([peer.observer.rtp.length, peer.observer.rtcp.length]).toEqual([1, 1]);
  });

  onNets("another's packets are forged: its keys are its own", async (world) => {
    const peer = await peerOf(world).connect();
    const other = await peerOf(world).connect();
    other.send(peer.protect(Buffer.concat([rtpHeader(7, 7), payload(100)])));
    other.send(peer.protectRtcp(rtcpPacket(7, 2)));
    await other.settle();
    expect(world.drops()).toEqual({ 'srtp-forged': 2 });
    expect(other.observer.rtp.length + other.observer.rtcp.length).toBe(0);
  });

  onNets('media before the keys, and packets too long, are dropped', async (world) => {
    const peer = await peerOf(world).open();
    peer.check({ nominate: true });
    await peer.settle();
    peer.send(Buffer.concat([rtpHeader(7, 7), payload(100)]));
    peer.startDtls();
    await peer.settle();
    const whole = PACKET_BYTES_MAX - 12 - 16;
    peer.send(peer.protect(Buffer.concat([rtpHeader(7, 8), payload(whole)])));
    peer.send(peer.protect(Buffer.concat([rtpHeader(7, 9), payload(whole + 1)])));
    await peer.settle();
    expect(peer.observer.rtp.map(({ length }) => length)).toEqual([12 + whole]);
    expect(world.drops()).toEqual({ 'no-keys': 1, 'too-large': 1 });
  });

  onNets('with another certificate than it announced is refused', async (world) => {
    for (const setup of ['passive', 'active'] as const) {
      const peer = await peerOf(world, { setup, context: strangers }).connect();
      expect(peer.observer.heard).toEqual(['closed fingerprint-mismatch']);
      expect([peer.dtls.closed.length, peer.transport.state]).toEqual([1, 'closed']);
    }
    expect(world.dtls.sessions).toBe(0);
    expect(world.server.stats().transports).toBe(0);
  });

  onCore('that announces no fingerprint of use gets no transport', async (world) => {
    for (const fingerprints of [[], ['sha-1 AB:CD'], Array(17).fill(CERTIFICATE_B.fingerprint)]) {
      expect(peerOf(world, { fingerprints }).ask()).toBe('fingerprint-mismatch');
    }
    expect(world.server.stats()).toMatchObject({ transports: 0, ice: { sessions: 0 } });
  });

  onCore('that sends more than a handshake takes is closed', async (world) => {
    const peer = await peerOf(world).open();
    peer.check({ nominate: true });
    const record = Buffer.concat([
      Buffer.from('16fefd0000000000000000', 'hex'),
      Buffer.alloc(1000),
    ]);
    for (let i = 0; i < 200; i++) peer.send(record);
    await peer.settle();
    expect(peer.observer.heard).toEqual(['closed flooded']);
    expect(world.drops()).toHaveProperty('not-validated');
  });

  onCore('whose DTLS fails is closed, and the reason says why', async (world) => {
    const peer = await peerOf(world).open();
    peer.check({ nominate: true });
    // A ClientHello of 9 bytes, none of which are there.
    peer.send(Buffer.from('16fefd0000000000000000000c010000090000000000000000', 'hex'));
    await peer.settle();
    expect(peer.observer.heard).toEqual(['closed handshake-failed']);
    expect(peer.observer.detail).not.toBe('');
  });

  onCore('takes no address from another', async (world) => {
    const peer = await peerOf(world).connect();
    const thief = await peerOf(world).open();
    thief.use(peer.path);
    thief.check({ nominate: true });
    await thief.settle();
    expect(world.drops()).toEqual({ 'tuple-taken': 1 });
    await exchangeMedia(peer, 1);
  });
});

describe('a TCP connection', () => {
  onNets('whose first frame is no authentic check is closed at once', async (world) => {
    const peer = await peerOf(world).open();
    const firsts: readonly (() => void)[] = [
      () => peer.send(Buffer.from('GET / HTTP/1.1\r\n')),
      () => peer.send(Buffer.concat([rtpHeader(7, 7), payload(100)])),
      () => peer.startDtls(),
      () => peer.check({ password: peer.remote.password }),
      () => peer.check({ username: `AAAAAAAA:${peer.remote.ufrag}` }),
      () => peer.send(new Uint8Array()),
    ];
    for (const [index, first] of firsts.entries()) {
      const stream = world.stream();
      peer.use(stream);
      first();
      expect(world.closedStreams.at(-1)).toBe(stream.id);
      expect(world.closedStreams).toHaveLength(index + 1);
      peer.check({ nominate: true });
    }
    await peer.settle();
    expect([peer.answers, world.server.stats().streams]).toEqual([[], 0]);
    expect(world.drops()['unknown-stream']).toBe(firsts.length);
  });

  onNets('that began well may send rubbish, which is dropped', async (world) => {
    const peer = await peerOf(world).connect('tcp');
    for (const first of FIRST_BYTES) peer.send(Uint8Array.of(first, 1, 2, 3));
    await exchangeMedia(peer, 1);
    expect(world.closedStreams).toEqual([]);
  });

  onCore('one too many is closed', async (world) => {
    for (let i = 0; i < STREAMS_MAX; i++) world.stream();
    expect(world.closedStreams).toEqual([]);
    const { id } = world.stream();
    expect(world.closedStreams).toEqual([id]);
    expect(world.server.stats().streams).toBe(STREAMS_MAX);
  });
});

describe('relays', () => {
  onCore('cannot make up more addresses of ours than there may be', async (world) => {
    const check = Uint8Array.of(0, 1, 0, 0);
    const path = await world.path('relay');
    for (let i = 0; i < RELAY_ADDRESSES_MAX + 5; i++) {
      const own = world.listener.copy().setV4(0x0a000000 + i, 7882);
      world.server.fromRelay(path.address, own, check, 0, 4, world.now());
    }
    expect(world.drops()).toEqual({ 'not-stun': RELAY_ADDRESSES_MAX, 'unknown-address': 5 });
  });
});

describe('bounds', () => {
  onCore(
    'of transports, and of those that are not connected',
    async (world) => {
      const connected = [await peerOf(world).connect(), await peerOf(world).connect()];
      const connecting = [await peerOf(world).open(), await peerOf(world).open()];
      const oneMore = peerOf(world);
      expect(oneMore.ask()).toBe('full');
      connecting[0]!.transport.close();
      await oneMore.connect();
      const last = await peerOf(world).open();
      expect(peerOf(world).ask()).toBe('full');
      connected[0]!.transport.close();
      expect(peerOf(world).ask()).toBe('full');
      last.transport.close();
      await peerOf(world).open();
      expect(world.server.stats()).toMatchObject({ transports: 4, connecting: 2 });
    },
    { transportsMax: 5, connectingMax: 2 },
  );

  onCore(
    'of transports alone',
    async (world) => {
      await peerOf(world).connect();
      const second = await peerOf(world).connect();
      expect(peerOf(world).ask()).toBe('full');
      second.transport.close();
      await peerOf(world).connect();
    },
    { transportsMax: 2 },
  );

  onCore('credentials are of one transport', async (world) => {
    const peer = await peerOf(world).open();
    const double = peerOf(world);
    double.local = peer.local;
    expect(double.ask()).toBe('ice-in-use');
    expect(world.server.stats()).toMatchObject({ transports: 1, connecting: 1 });
    peer.transport.close();
    await double.connect();
  });

  onCore('of packets: so many at once, and as many as time brings', async (world) => {
    const peer = await peerOf(world).connect();
    const other = await peerOf(world).connect();
    const already = 20;
    const send = (count: number, from: number): void => {
      for (let i = 0; i < count; i++) peer.send(peer.protect(rtpHeader(7, (from + i) & 0xffff)));
    };
    send(PACKETS_AT_ONCE_MAX + already, 0);
    await peer.settle();
    expect(peer.observer.rtp.length).toBe(PACKETS_AT_ONCE_MAX);
    expect(world.drops()).toEqual({ 'too-fast': already });
    world.net.pass(10);
    send(100, 3000);
    await peer.settle();
    expect(peer.observer.rtp.length).toBe(PACKETS_AT_ONCE_MAX + PACKETS_PER_SECOND_MAX / 100);
    world.net.pass(1);
    await exchangeMedia(other, 1);
    // DTLS costs more, and its own checks go on.
    const { 'too-fast': before } = world.drops();
    peer.send(Buffer.from('16fefd00010000000000990000', 'hex'));
    peer.check();
    await peer.settle();
    expect(world.drops()).toEqual({ 'too-fast': before! + 1 });
    expect(peer.answers).toHaveLength(2);
    expect(peer.observer.heard).toEqual(['connected']);
  });

  onCore('of SSRCs, each way', async (world) => {
    const peer = await peerOf(world).connect();
    for (let ssrc = 0; ssrc < SSRCS_RECEIVED_MAX + 1; ssrc++)
      peer.send(peer.protect(rtpHeader(ssrc, 1)));
    const writer = header(1);
    let sent = 0;
    for (writer.ssrc = 0; writer.ssrc < SSRCS_SENT_MAX + 1; writer.ssrc++) {
      if (peer.transport.sendRtp(writer, arena, 0, 100, world.now()) > 0) sent++;
    }
    await peer.settle();
    expect(peer.observer.rtp).toHaveLength(SSRCS_RECEIVED_MAX);
    expect(world.drops()).toEqual({ 'srtp-too-many-ssrcs': 1 });
    expect([sent, peer.rtp.length]).toEqual([SSRCS_SENT_MAX, SSRCS_SENT_MAX]);
  });

  onNets('of what is sent: what is longer, or was sent before, is not', async (world) => {
    for (const kind of ['udp', 'tcp', 'relay'] as const) {
      const peer = await peerOf(world).connect(kind);
      const { transport } = peer;
      const most = OUTGOING_BYTES_MAX - 20 - 16;
      const send = (sequenceNumber: number, bytes: number): number =>
        transport.sendRtp(header(sequenceNumber), arena, 0, bytes, world.now());
      expect(send(1, most + 1)).toBe(0);
      expect(send(1, most)).toBe(OUTGOING_BYTES_MAX);
      expect(send(1, 100)).toBe(0);
      expect(transport.sendRtcp(arena, 0, OUTGOING_BYTES_MAX - 19, world.now())).toBe(false);
      expect(transport.sendRtcp(arena, 0, 4, world.now())).toBe(false);
      expect(send(2, 100)).toBe(136);
      await peer.settle();
      expect(peer.rtp.map(({ length }) => length)).toEqual([20 + most, 120]);
      expect(peer.rtcp).toEqual([]);
    }
  });
});
