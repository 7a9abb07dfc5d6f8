// A whole media transport against an independent agent of the test: by every path, in both DTLS roles, with the
// nomination before DTLS or after it; packets both ways; the end by either side.

import { afterAll, expect } from 'vitest';
import type { SfuPath } from '../../../sfu/control.ts';
import { RtpWriter } from '../../../sfu/rtp/rtp-writer.ts';
import { CERTIFICATE_B, contextOf } from '../../support/sfu/dtls-end.ts';
import { onNets } from '../../support/sfu/media-drivers.ts';
import { MediaPeer, type PeerOptions } from '../../support/sfu/media-peer.ts';
import type { MediaWorld } from '../../support/sfu/media-world.ts';
import { arena, payload, put, rtcpPacket, rtpHeader } from './srtp-fixture.ts';

const clients = contextOf(CERTIFICATE_B);
afterAll(() => clients.free());

const peerOf = (world: MediaWorld, options: PeerOptions = {}): MediaPeer =>
  new MediaPeer(world, clients, options);

const SSRC = 0xdecafbad;
const PATHS: readonly SfuPath[] = ['udp', 'tcp', 'relay'];

/** What `sendRtp` makes of these fields, as a packet in the clear. */
function header(sequenceNumber: number): RtpWriter {
  const writer = new RtpWriter();
  writer.payloadType = 96;
  writer.sequenceNumber = sequenceNumber;
  writer.timestamp = 90_000;
  writer.ssrc = SSRC;
  return writer.elementU8(1, 7);
}

/** One packet of each kind each way, as they were meant. */
async function exchangeMedia(peer: MediaPeer, sequenceNumber: number): Promise<void> {
  const { transport, observer, world } = peer;
  const up = Buffer.concat([rtpHeader(0x11223344, sequenceNumber), payload(900)]);
  const upRtcp = rtcpPacket(0x11223344, sequenceNumber % 7);
  peer.send(peer.protect(up));
  peer.send(peer.protectRtcp(upRtcp));
  const downPayload = payload(1000);
  const downRtcp = rtcpPacket(SSRC, 3);
  put(downPayload, 64);
  const writer = header(sequenceNumber);
  const sent = transport.sendRtp(writer, arena, 64, downPayload.length, world.now());
  put(downRtcp, 64);
  const rtcpSent = transport.sendRtcp(arena, 64, downRtcp.length, world.now());
  await peer.settle();
  expect(observer.rtp.splice(0)).toEqual([up]);
  expect(observer.rtcp.splice(0)).toEqual([upRtcp]);
  const down = Buffer.alloc(20 + downPayload.length);
  writer.write(down, 0);
  down.set(downPayload, 20);
  expect(sent).toBe(down.length + 16);
  expect(rtcpSent).toBe(true);
  expect(peer.rtp.splice(0)).toEqual([down]);
  expect(peer.rtcp.splice(0)).toEqual([downRtcp]);
}

for (const kind of PATHS) {
  for (const setup of ['passive', 'active'] as const) {
    for (const nominate of ['at-once', 'later'] as const) {
      onNets(
        `by ${kind}, ${setup} in DTLS, nominated ${nominate}: connects, and packets pass both ways`,
        async (world) => {
          const peer = peerOf(world, { setup });
          await peer.connect(kind, nominate);
          const { transport, observer } = peer;
          expect(observer.heard).toEqual(['connected']);
          expect([transport.state, transport.path]).toEqual(['connected', kind]);
          expect(world.server.stats()).toMatchObject({ transports: 1, connecting: 0 });
          await exchangeMedia(peer, 65_535);
          await exchangeMedia(peer, 0);
          expect(world.drops()).toEqual({});
          transport.close();
          transport.close();
          await peer.settle();
          expect(peer.dtls.closed).toEqual([{ reason: 'peer-closed', detail: '' }]);
          expect([transport.state, transport.path]).toEqual(['closed', '']);
          expect(observer.heard).toEqual(['connected']);
          expect(world.server.stats()).toMatchObject({ transports: 0, streams: 0 });
          expect(world.closedStreams).toHaveLength(kind === 'tcp' ? 1 : 0);
          peer.free();
        },
      );
    }
  }
}
