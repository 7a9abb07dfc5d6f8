// What is sent over the connection to the server: one transceiver per publication, used again when it became free,
// so that the SDP grows with what is published at once and not with every change. Owned by sfu-peer.ts.

import type { TrackOffer } from '../signaling/protocol.ts';
import { ActiveEncodings } from './active-encodings.ts';
import type { WantedEncodings } from './active-encodings.ts';
import { preferCodecs } from './codec-preferences.ts';
import { encodingsOf, layersOf } from './encodings.ts';
import type { MediaCrypto } from './encryption.ts';
import type { VideoOptions } from './join-options.ts';
import type { TrackToFind } from './link-stats.ts';
import { isMuted } from './local-publication.ts';
import type { LocalPublication } from './local-publication.ts';

export class SfuSenders {
  readonly #pc: RTCPeerConnection;
  readonly #used = new Map<LocalPublication, RTCRtpTransceiver>();
  readonly #free: RTCRtpTransceiver[] = [];
  readonly #active = new Map<RTCRtpSender, ActiveEncodings>();
  /** How many encodings each has, and layers in one, which is for good. */
  readonly #encodings = new WeakMap<RTCRtpTransceiver, number>();
  readonly #layers = new WeakMap<RTCRtpTransceiver, number>();
  readonly #wantsSimulcast: boolean;
  readonly #held = new Set<RTCRtpSender>();
  readonly #video: VideoOptions | undefined;
  readonly #crypto: MediaCrypto | undefined;

  constructor(
    pc: RTCPeerConnection,
    wantsSimulcast: boolean,
    video?: VideoOptions,
    crypto?: MediaCrypto,
  ) {
    this.#pc = pc;
    this.#wantsSimulcast = wantsSimulcast;
    this.#video = video;
    this.#crypto = crypto;
  }

  /** Whether `sync` would leave something that only an offer can tell. */
  differs(publications: readonly LocalPublication[]): boolean {
    return (
      publications.length !== this.#used.size ||
      publications.some((publication) => !this.#used.has(publication))
    );
  }

  /** Makes the senders those of `publications`. Another track of the same publication needs no offer. */
  async sync(publications: readonly LocalPublication[]): Promise<void> {
    const changes: Promise<void>[] = [];
    for (const [publication, transceiver] of this.#used) {
      if (publications.includes(publication)) continue;
      this.#used.delete(publication);
      this.#free.push(transceiver);
      transceiver.direction = 'inactive';
      changes.push(transceiver.sender.replaceTrack(null));
    }
    for (const publication of publications) {
      if (!this.#used.has(publication)) this.#assign(publication);
    }
    await Promise.all([...changes, ...this.#replaceTracks()]);
  }

  /**
   * Sends nothing of these publications and all of the others, which needs no offer. Without their tracks, since
   * Firefox sends sound on whatever `active` of its encoding says.
   */
  async hold(isHeld: (publication: LocalPublication) => boolean): Promise<void> {
    for (const [publication, { sender }] of this.#used) {
      if (isHeld(publication)) this.#held.add(sender);
      else this.#held.delete(sender);
    }
    await Promise.all(this.#replaceTracks());
  }

  /** Leaves out what nobody wants, and sends again what somebody does. */
  want(publication: LocalPublication, wanted: WantedEncodings): void {
    const sender = this.#used.get(publication)?.sender;
    if (!sender) return;
    const active = this.#active.get(sender) ?? new ActiveEncodings(sender);
    this.#active.set(sender, active);
    void active.set(wanted);
  }

  /** What the offer with these sections says about them; `mids` in the order of the transceivers. */
  offered(mids: readonly string[]): Map<LocalPublication, TrackOffer> {
    const transceivers = this.#pc.getTransceivers();
    return new Map(
      [...this.#used].map(([publication, transceiver]) => {
        const { source, name } = publication;
        const mid = transceiver.mid ?? mids[transceivers.indexOf(transceiver)] ?? '';
        const muted = isMuted(publication);
        const layers = this.#layers.get(transceiver) ?? 1;
        const codec = publication.kind === 'video' ? this.#video?.codec : undefined;
        const more = {
          ...(codec === undefined ? {} : { codec }),
          ...(name === undefined ? {} : { name }),
          ...(layers > 1 ? { layers } : {}),
        };
        return [publication, { mid, source, muted, ...more }];
      }),
    );
  }

  /** What statistics are asked for; `sidOf` a publication, when the server has given it one. */
  tracks(sidOf: (publication: LocalPublication) => string | undefined): TrackToFind[] {
    return [...this.#used].map(([publication, { mid }]) => ({
      sid: sidOf(publication) ?? '',
      source: publication.source,
      direction: 'sent' as const,
      mid,
      id: publication.track.id,
    }));
  }

  #replaceTracks(): Promise<void>[] {
    return [...this.#used].flatMap(([publication, { sender }]) => {
      const track = this.#held.has(sender) ? null : publication.track;
      return sender.track === track ? [] : [sender.replaceTrack(track)];
    });
  }

  #assign(publication: LocalPublication): void {
    const { kind, stream } = publication;
    const encodings = encodingsOf(publication, this.#wantsSimulcast, this.#video);
    const count = Math.max(1, encodings.length);
    const layers = layersOf(encodings);
    const at = this.#free.findIndex(
      (one) =>
        one.receiver.track.kind === kind &&
        this.#encodings.get(one) === count &&
        this.#layers.get(one) === layers,
    );
    const [free] = at < 0 ? [] : this.#free.splice(at, 1);
    const transceiver = free ?? this.#add(publication, encodings);
    if (free) {
      free.direction = 'sendonly';
      free.sender.setStreams(stream);
    } else {
      const codec = this.#video?.codec;
      // Before anything else, and before anything can be sent.
      this.#crypto?.guard(transceiver, codec === 'vp9' ? 'vp9' : 'vp8');
      if (this.#crypto) preferCodecs(transceiver, { only: codec ?? 'vp8', isEncrypted: true });
      else preferCodecs(transceiver, { first: codec });
      this.#encodings.set(transceiver, count);
      this.#layers.set(transceiver, layers);
    }
    this.#held.delete(transceiver.sender);
    this.#used.set(publication, transceiver);
    // Of what it sent before nobody may have wanted all.
    if (free) this.want(publication, {});
  }

  #add(
    { stream, track }: LocalPublication,
    encodings: readonly RTCRtpEncodingParameters[],
  ): RTCRtpTransceiver {
    const init: RTCRtpTransceiverInit = { direction: 'sendonly', streams: [stream] };
    if (encodings.length === 0) return this.#pc.addTransceiver(track, init);
    try {
      // Browsers may change what they are given.
      const sendEncodings = encodings.map((one) => ({ ...one }));
      return this.#pc.addTransceiver(track, { ...init, sendEncodings });
    } catch {
      // A browser that does not know the scalability mode sends as it does by itself.
      const sendEncodings = encodings.map((one) => ({ ...one, scalabilityMode: undefined }));
      return this.#pc.addTransceiver(track, { ...init, sendEncodings });
    }
  }
}
