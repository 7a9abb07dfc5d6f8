// A peer connection of libdatachannel, an independent WebRTC stack, as publishers, subscribers and the plain forwarder
// use it: sections `video` and `audio`, descriptions as promises.

import { Audio, PeerConnection, type Track, Video } from 'node-datachannel';
import { PAYLOAD_TYPES } from './flow.ts';
import type { Kind } from './shapes.ts';

export type { Track } from 'node-datachannel';

export interface PeerEvents {
  /** A section that the other side offered and nobody added here. */
  onTrack?(track: Track): void;
  onClosed?(): void;
}

export class Peer {
  readonly #connection: PeerConnection;
  /** Tracks end when nobody holds them. */
  readonly #tracks: Track[] = [];

  /** `address`: the one address of this machine that it uses. */
  constructor(name: string, address: string, events: PeerEvents = {}) {
    this.#connection = new PeerConnection(name, {
      iceServers: [],
      bindAddress: address,
      disableAutoNegotiation: true,
    });
    this.#connection.onTrack((track) => {
      this.#tracks.push(track);
      events.onTrack?.(track);
    });
    this.#connection.onStateChange((state) => {
      if (state === 'closed' || state === 'failed') events.onClosed?.();
    });
  }

  /** A section that sends with these SSRCs. */
  addSender(kind: Kind, ssrcs: number | readonly number[], mid: string = kind): Track {
    const media = mediaOf(kind, mid, 'SendOnly');
    for (const ssrc of [ssrcs].flat()) media.addSSRC(ssrc, 'load', 'load', kind);
    return this.#add(media);
  }

  addReceiver(kind: Kind, mid: string = kind): Track {
    return this.#add(mediaOf(kind, mid, 'RecvOnly'));
  }

  /**
   * Without candidates: whoever answers learns ours from our checks (RFC 8445 s7.3.1.3). With them, libdatachannel can
   * finish DTLS with a fast server before it has stored the fingerprint of the answer, and then refuses it.
   */
  async offer(): Promise<string> {
    return withoutCandidates(await this.#describe('offer'));
  }

  accept(answer: string): void {
    this.#connection.setRemoteDescription(answer, 'answer');
  }

  /** Tracks come before this returns. */
  take(offer: string): void {
    this.#connection.setRemoteDescription(offer, 'offer');
  }

  /** With all candidates. */
  async answer(): Promise<string> {
    const gathered = new Promise<void>((resolve) =>
      this.#connection.onGatheringStateChange((state) => {
        if (state === 'complete') resolve();
      }),
    );
    await this.#describe('answer');
    await gathered;
    return this.#connection.localDescription()?.sdp ?? '';
  }

  close(): void {
    this.#connection.close();
  }

  #add(media: Audio | Video): Track {
    const track = this.#connection.addTrack(media);
    this.#tracks.push(track);
    return track;
  }

  #describe(type: 'offer' | 'answer'): Promise<string> {
    return new Promise((resolve) => {
      this.#connection.onLocalDescription(resolve);
      this.#connection.setLocalDescription(type);
    });
  }
}

function mediaOf(kind: Kind, mid: string, direction: 'SendOnly' | 'RecvOnly'): Audio | Video {
  if (kind === 'video') {
    const video = new Video(mid, direction);
    video.addVP8Codec(PAYLOAD_TYPES.video);
    return video;
  }
  const audio = new Audio(mid, direction);
  audio.addOpusCodec(PAYLOAD_TYPES.audio);
  return audio;
}

function withoutCandidates(sdp: string): string {
  return sdp.replaceAll(/^a=(?:candidate:.*|end-of-candidates)\r\n/gm, '');
}
