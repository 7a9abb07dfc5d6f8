// What Chromium and libdatachannel make of our answers: they take them, with the directions, codecs,
// encodings and streams that were decided, connect ICE by the candidates in them, and go on from there with
// further offers.

import { PeerConnection, Audio, Video } from 'node-datachannel';
import type { Page } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LocalDescription } from '../../sfu/sdp/answer.ts';
import { makeAnswer } from '../../sfu/sdp/answer.ts';
import { negotiate } from '../../sfu/sdp/negotiation.ts';
import type { Decision, Decisions } from '../../sfu/sdp/negotiation.ts';
import type { Offer } from '../../sfu/sdp/offer.ts';
import { checkReoffer } from '../../sfu/sdp/reoffer.ts';
import { hostCandidates } from '../../sfu/ice/candidates.ts';
import { Chromium } from '../support/chromium.ts';
import { accepted, decideAll, LOCAL, outgoing } from '../support/sdp.ts';
import { LiteSide } from '../unit/sfu/lite-side.ts';

let lite: LiteSide;

beforeEach(async () => {
  lite = new LiteSide();
  await lite.start('udp');
});

afterEach(() => lite.transport.close());

/** This side, with the ICE session that the offer opens or restarts. */
function localFor(offer: string, version: number, restarts: boolean): LocalDescription {
  if (lite.session === undefined || restarts) lite.answer(offer);
  const listeners = [{ transport: lite.transport.kind, address: lite.transport.listening }];
  return {
    ...LOCAL,
    origin: { ...LOCAL.origin, version },
    ice: lite.session!.local!,
    candidates: hostCandidates(listeners),
  };
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

interface Taken {
  directions: (string | null)[];
  /** Of each section: the codec that the sender will use. */
  codecs: string[];
  encodings: (string | undefined)[][];
  /** Streams that `track` events came with. */
  streams: string[];
}

/** In the page: one connection with tracks to publish and slots to receive. */
interface InPage {
  peer: RTCPeerConnection;
  streams: string[];
  picture: () => MediaStreamTrack;
  sound: () => MediaStreamTrack;
}

describe('Chromium', () => {
  let chromium: Chromium;
  let page: Page;
  let before: Offer | undefined;
  let version: number;

  beforeEach(async () => {
    chromium = await Chromium.launch({ devices: false });
    page = await chromium.open('about:blank');
    before = undefined;
    version = 0;
    await page.evaluate(() => {
      const inPage = globalThis as unknown as InPage;
      inPage.peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
      inPage.streams = [];
      inPage.peer.addEventListener('track', ({ streams }) => {
        inPage.streams.push(...streams.map(({ id }) => id));
      });
      inPage.picture = () => {
        const canvas = document.createElement('canvas');
        canvas.getContext('2d');
        return canvas.captureStream(5).getVideoTracks()[0]!;
      };
      inPage.sound = () =>
        new AudioContext().createMediaStreamDestination().stream.getAudioTracks()[0]!;
    });
  });

  afterEach(async () => {
    chromium.throwErrors();
    await chromium.close();
  });

  const offer = (options: RTCOfferOptions = {}): Promise<string> =>
    page.evaluate(async (given) => {
      const { peer } = globalThis as unknown as InPage;
      await peer.setLocalDescription(await peer.createOffer(given));
      return peer.localDescription?.sdp ?? '';
    }, options);

  const accept = (sdp: string): Promise<Taken> =>
    page.evaluate(async (answer) => {
      const { peer, streams } = globalThis as unknown as InPage;
      await peer.setRemoteDescription({ type: 'answer', sdp: answer });
      const transceivers = peer.getTransceivers();
      return {
        directions: transceivers.map(({ currentDirection }) => currentDirection),
        codecs: transceivers.map(
          ({ sender }) => sender.getParameters().codecs[0]?.mimeType ?? 'none',
        ),
        encodings: transceivers.map(({ sender }) =>
          sender.getParameters().encodings.map(({ rid }) => rid),
        ),
        streams: [...streams],
      };
    }, sdp);

  const exchange = async (
    decide: (offer: Offer) => Decisions,
    options: RTCOfferOptions = {},
  ): Promise<Taken> => {
    const text = await offer(options);
    const next = accepted(text);
    if (before !== undefined) expect(checkReoffer(before, next)).not.toBeInstanceOf(Error);
    before = next;
    const local = localFor(text, ++version, options.iceRestart === true);
    return accept(makeAnswer(negotiate(next, decide(next)), local));
  };

  const connected = (): Promise<void> =>
    until(async () => {
      const state = await page.evaluate(
        () => (globalThis as unknown as InPage).peer.iceConnectionState,
      );
      return state === 'connected' && lite.dtls > 0;
    });

  it('publishes three encodings and has slots to receive, and connects to the candidates', async () => {
    await page.evaluate(() => {
      const { peer, picture, sound } = globalThis as unknown as InPage;
      peer.addTransceiver(sound(), { direction: 'sendonly' });
      peer.addTransceiver(picture(), {
        direction: 'sendonly',
        sendEncodings: ['q', 'h', 'f'].map((rid) => ({ rid })),
      });
      for (const kind of ['audio', 'video', 'video']) {
        peer.addTransceiver(kind, { direction: 'recvonly' });
      }
    });
    const taken = await exchange(decideAll);
    expect(taken.directions).toEqual(['sendonly', 'sendonly', 'recvonly', 'recvonly', 'recvonly']);
    expect(taken.codecs.slice(0, 2)).toEqual(['audio/opus', 'video/VP8']);
    expect(taken.encodings[1]).toEqual(['q', 'h', 'f']);
    expect(taken.streams).toEqual(['stream2', 'stream3', 'stream4']);
    await connected();
  });

  it('sends what is decided: one codec, redundant audio, fewer encodings, or nothing', async () => {
    await page.evaluate(() => {
      const { peer, picture, sound } = globalThis as unknown as InPage;
      peer.addTransceiver(sound(), { direction: 'sendrecv' });
      for (const rids of [
        ['a', 'b', 'c', 'd'],
        ['q', 'h'],
        ['q', 'h'],
      ]) {
        const sendEncodings = rids.map((rid) => ({ rid }));
        peer.addTransceiver(picture(), { direction: 'sendonly', sendEncodings });
      }
    });
    const decisions = new Map<string, Decision | 'reject'>([
      ['0', { receive: true, send: outgoing(0), codecs: ['red', 'opus'], opus: { dtx: true } }],
      ['1', { receive: true, codecs: ['VP9'] }],
      ['2', {}],
      ['3', 'reject'],
    ]);
    const taken = await exchange(() => decisions);
    // The fourth one is stopped, and gone.
    expect(taken.directions).toEqual(['sendrecv', 'sendonly', 'inactive']);
    expect(taken.codecs.slice(0, 2)).toEqual(['audio/red', 'video/VP9']);
    expect(taken.encodings[1]).toEqual(['a', 'b', 'c']);
    await connected();
  });

  it('is answered without its data channel, which comes first', async () => {
    await page.evaluate(() => {
      const inPage = globalThis as unknown as InPage;
      inPage.peer = new RTCPeerConnection();
      inPage.peer.createDataChannel('first');
      inPage.peer.addTransceiver(inPage.sound(), { direction: 'sendonly' });
    });
    const taken = await exchange(decideAll);
    expect(taken.directions).toEqual(['sendonly']);
    await connected();
  });

  it('stops a section, restarts ICE and uses the place again, and is understood each time', async () => {
    await page.evaluate(() => {
      const { peer } = globalThis as unknown as InPage;
      for (const kind of ['audio', 'video']) peer.addTransceiver(kind, { direction: 'recvonly' });
    });
    await exchange(decideAll);
    await connected();
    await page.evaluate(() => (globalThis as unknown as InPage).peer.getTransceivers()[1]!.stop());
    expect((await exchange(decideAll)).directions).toEqual(['recvonly']);
    const selected = lite.session?.selected?.remote.toString();
    await exchange(decideAll, { iceRestart: true });
    await until(() => lite.session?.selected?.remote.toString() !== selected);
    await page.evaluate(() => {
      const { peer, picture } = globalThis as unknown as InPage;
      peer.addTransceiver('audio', { direction: 'recvonly' });
      peer.addTransceiver(picture(), { direction: 'sendonly' });
    });
    const { directions } = await exchange(decideAll);
    expect(directions).toEqual(['recvonly', 'recvonly', 'sendonly']);
    await connected();
  });

  it('connects where this side is to begin DTLS', async () => {
    await page.evaluate(() => {
      const { peer, sound } = globalThis as unknown as InPage;
      peer.addTransceiver(sound(), { direction: 'sendonly' });
    });
    const text = await offer();
    const next = accepted(text);
    const local: LocalDescription = { ...localFor(text, 1, false), setup: 'active' };
    const taken = await accept(makeAnswer(negotiate(next, decideAll(next)), local));
    expect(taken.directions).toEqual(['sendonly']);
    await until(() => lite.session?.state === 'connected');
  });
});

describe('libdatachannel', () => {
  let full: PeerConnection;

  beforeEach(() => {
    full = new PeerConnection('full', { iceServers: [], bindAddress: '127.0.0.1' });
  });

  afterEach(() => full.close());

  it('takes an answer to what it publishes and receives, and connects', async () => {
    const tracks = [new Audio('audio', 'SendOnly'), new Video('video', 'RecvOnly')] as const;
    tracks[0].addOpusCodec(111);
    tracks[0].addSSRC(1111, 'cname', 'stream', 'audio');
    tracks[1].addH264Codec(102);
    tracks[1].addVP8Codec(96);
    const states: string[] = [];
    let offered: Offer | undefined;
    await new Promise<void>((resolve, reject) => {
      full.onIceStateChange((state) => {
        states.push(state);
        if (state === 'connected' || state === 'completed') resolve();
        else if (state === 'failed') reject(new Error(`ICE: ${states.join(', ')}`));
      });
      full.onLocalDescription((sdp) => {
        offered = accepted(sdp);
        const answer = makeAnswer(negotiate(offered, decideAll(offered)), localFor(sdp, 1, false));
        full.setRemoteDescription(answer, 'answer');
      });
      for (const track of tracks) full.addTrack(track);
      full.setLocalDescription();
    });
    expect(full.signalingState()).toBe('stable');
    const remote = full.remoteDescription()?.sdp ?? '';
    expect(remote).toMatch(/^m=video \d+ UDP\/TLS\/RTP\/SAVPF 96 102\r$/m);
    expect(remote).toContain('a=ssrc:1001 cname:sterna\r\n');
    expect(offered?.sections.map((section) => section.accepted && section.direction)).toEqual([
      'sendonly',
      'recvonly',
    ]);
  });
});
