// What is sent over the connection to the server: one transceiver per publication, used again when it became free,
// so that the SDP grows with what is published at once and not with every change. Owned by sfu-peer.ts.

import type { TrackOffer } from '../signaling/protocol.ts';
import { ActiveEncodings } from './active-encodings.ts';
import type { WantedEncodings } from './active-encodings.ts';
import { preferCodecs } from './codec-preferences.ts';
import { encodingsOf } from './encodings.ts';
import type { TrackToFind } from './link-stats.ts';
import { isMuted } from './local-publication.ts';
import type { LocalPublication } from './local-publication.ts';

export class SfuSenders {
  readonly #pc: RTCPeerConnection;
  readonly #used = new Map<LocalPublication, RTCRtpTransceiver>();
  readonly #free: RTCRtpTransceiver[] = [];
  readonly #active = new Map<RTCRtpSender, ActiveEncodings>();
  /** How many encodings each has, which is for good. */
  readonly #encodings = new WeakMap<RTCRtpTransceiver, number>();
  readonly #wantsSimulcast: boolean;

  constructor(pc: RTCPeerConnection, wantsSimulcast: boolean) {
    this.#pc = pc;
    this.#wantsSimulcast = wantsSimulcast;
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
      const { sender } = this.#used.get(publication) ?? this.#assign(publication);
      if (sender.track !== publication.track) changes.push(sender.replaceTrack(publication.track));
    }
    await Promise.all(changes);
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
        return [publication, { mid, source, muted, ...(name === undefined ? {} : { name }) }];
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

  #assign(publication: LocalPublication): RTCRtpTransceiver {
    const { kind, stream } = publication;
    const encodings = this.#wantsSimulcast ? encodingsOf(publication) : [];
    const count = Math.max(1, encodings.length);
    const at = this.#free.findIndex(
      (one) => one.receiver.track.kind === kind && this.#encodings.get(one) === count,
    );
    const [free] = at < 0 ? [] : this.#free.splice(at, 1);
    const transceiver = free ?? this.#add(publication, encodings);
    if (free) {
      free.direction = 'sendonly';
      free.sender.setStreams(stream);
    } else {
      preferCodecs(transceiver);
    }
    this.#used.set(publication, transceiver);
    // Of what it sent before nobody may have wanted all.
    if (free) this.want(publication, {});
    return transceiver;
  }

  #add(
    { stream, track }: LocalPublication,
    encodings: readonly RTCRtpEncodingParameters[],
  ): RTCRtpTransceiver {
    const transceiver = this.#pc.addTransceiver(track, {
      direction: 'sendonly',
      streams: [stream],
      // Browsers may change what they are given.
      ...(encodings.length > 1 ? { sendEncodings: encodings.map((one) => ({ ...one })) } : {}),
    });
    this.#encodings.set(transceiver, Math.max(1, encodings.length));
    return transceiver;
  }
}
