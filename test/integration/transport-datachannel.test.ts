// libdatachannel (node-datachannel), an independent WebRTC stack, with the media server on both engines: over UDP and
// over TCP, in both DTLS roles, with RTP both ways.

import { Audio, PeerConnection, type Track } from 'node-datachannel';
import { afterEach, describe, expect, it } from 'vitest';
import type { IceTransport } from '../../sfu/ice/candidates.ts';
import { MediaEndpoint } from '../support/sfu/media-endpoint.ts';
import { rtpHeader } from '../unit/sfu/srtp-fixture.ts';

const OPUS = 111;
const SSRC = 4242;

const opened: { endpoint?: MediaEndpoint; peer?: PeerConnection } = {};

afterEach(async () => {
  opened.peer?.close();
  await opened.endpoint?.close();
});

interface Meeting {
  readonly endpoint: MediaEndpoint;
  readonly peer: PeerConnection;
  readonly track: Track;
  /** What came back. */
  readonly heard: Buffer[];
}

/** It offers one track that goes both ways. */
async function meet(
  engine: 'portable' | 'linux',
  by: IceTransport,
  setup: 'active' | 'passive',
): Promise<Meeting> {
  const endpoint = await MediaEndpoint.open(engine);
  opened.endpoint = endpoint;
  const peer = new PeerConnection('peer', {
    iceServers: [],
    bindAddress: '127.0.0.1',
    enableIceTcp: by === 'tcp',
  });
  opened.peer = peer;
  const audio = new Audio('0', 'SendRecv');
  audio.addOpusCodec(OPUS);
  audio.addSSRC(SSRC, 'peer', 'stream', 'track');
  const track = peer.addTrack(audio);
  const heard: Buffer[] = [];
  track.onMessage((message) => heard.push(message));
  const isOpen = new Promise<void>((resolve) => track.onOpen(resolve));
  peer.onLocalDescription((sdp, type) => {
    if (type !== 'offer') return;
    peer.setRemoteDescription(endpoint.answer(sdp, { by: [by], setup }), 'answer');
  });
  peer.setLocalDescription();
  await isOpen;
  await endpoint.until(() => endpoint.transport?.state === 'connected');
  return { endpoint, peer, track, heard };
}

function packet(sequenceNumber: number): Buffer {
  const header = rtpHeader(SSRC, sequenceNumber);
  header[1] = OPUS;
  return Buffer.concat([header, Buffer.alloc(60, sequenceNumber)]);
}

const PACKETS = 50;

describe.each(['portable', 'linux'] as const)('%s engine', (engine) => {
  it.each([
    ['udp', 'passive'],
    ['udp', 'active'],
    ['tcp', 'passive'],
    ['tcp', 'active'],
  ] as const)('by %s, %s in DTLS: packets pass both ways', async (by, setup) => {
    const { endpoint, peer, track, heard } = await meet(engine, by, setup);
    expect([endpoint.transport?.state, endpoint.path]).toEqual(['connected', by]);
    for (let i = 0; i < PACKETS; i++) track.sendMessageBinary(packet(i));
    await endpoint.until(() => endpoint.echo.rtp.get(SSRC) === PACKETS);
    const back = (): Buffer[] => heard.filter(({ length }) => length === packet(0).length);
    await endpoint.until(() => back().length === PACKETS);
    for (const [i, one] of back().entries()) {
      expect(one.subarray(12)).toEqual(packet(i).subarray(12));
      expect(one.readUInt16BE(2)).toBe(i);
      expect(one.readUInt32BE(8)).toBe(1000);
    }
    expect(endpoint.drops()).toEqual({});
    if (by === 'udp') return;
    // Its connection is gone, whether or not its close_notify came before.
    peer.close();
    await endpoint.until(() => endpoint.transport?.state !== 'connected');
    await endpoint.until(() => endpoint.tcp.stats().connections === 0);
  });

  it('hears of our end', async () => {
    const { endpoint, peer } = await meet(engine, 'udp', 'passive');
    const states: string[] = [];
    peer.onStateChange((state) => states.push(state));
    endpoint.transport?.close();
    await endpoint.until(() => states.includes('closed') || states.includes('disconnected'));
    expect(endpoint.server.stats().transports).toBe(0);
  });
});
