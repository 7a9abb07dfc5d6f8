// The answering side's view of one transport of a participant: our credentials, our DTLS role and the SSRCs of
// what goes out, all chosen here, so that an answer waits for nobody. Called by: ParticipantMedia, its owner.
// Allocates: an answer.

import type { ImpairOrder, MediaSetup, PublicationSetup, SlotBinding } from '../../sfu/control.ts';
import { newIceCredentials } from '../../sfu/ice/credentials.ts';
import type { IceCredentials } from '../../sfu/ice/credentials.ts';
import { makeAnswer, newSessionId } from '../../sfu/sdp/answer.ts';
import type { CodecName } from '../../sfu/sdp/codecs.ts';
import { negotiate } from '../../sfu/sdp/negotiation.ts';
import type { AgreedSection, Decision, OutgoingStream } from '../../sfu/sdp/negotiation.ts';
import type { Offer } from '../../sfu/sdp/offer.ts';
import type { OfferedSection } from '../../sfu/sdp/section.ts';
import { answeredSetup } from '../../sfu/sdp/transport.ts';
import type { DtlsSetup } from '../../sfu/sdp/transport.ts';
import type { MediaPlace } from '../media-plane.ts';
import type { SimulatedNetwork } from '../simulate-network.ts';
import { newSsrc } from './new-ssrc.ts';
import { receives } from './offer-plan.ts';
import type { Agreed, OfferPlan } from './offer-plan.ts';

/** Who begins DTLS where the offer leaves the choice: `active` saves the client a round trip, `passive` is usual. */
const PREFERRED_SETUP: DtlsSetup = 'passive';

/** RFC 8834 s4.9: all that we send is in one clock. */
const CNAME = 'sterna';

export interface TransportOptions {
  /** Unique in the process. */
  readonly id: number;
  /** The room's sid. */
  readonly room: string;
  readonly place: MediaPlace;
  readonly network: SimulatedNetwork;
  /**
   * The client has no other way to say what it wants: all slots are one MediaStream, played in step, and codecs are
   * wanted in the order of its offer. Else each slot is a stream of its own, and the server's order counts.
   */
  readonly plain: boolean;
}

export interface Answer {
  readonly sdp: string;
  readonly sections: readonly AgreedSection[];
}

export class NegotiatedTransport {
  readonly id: number;
  readonly place: MediaPlace;
  readonly #network: SimulatedNetwork;
  readonly #room: string;
  readonly #plain: boolean;
  readonly #sessionId = newSessionId();
  readonly #streams = new Map<string, OutgoingStream>();
  readonly #setup: DtlsSetup;
  #version = 0;
  #offer: Offer;
  #local: IceCredentials = newIceCredentials();
  #remote: IceCredentials;
  #sections: readonly AgreedSection[] = [];

  /** The caller answers the same plan next. */
  constructor({ id, room, place, network, plain }: TransportOptions, { offer }: OfferPlan) {
    this.id = id;
    this.place = place;
    this.#network = network;
    this.#room = room;
    this.#plain = plain;
    this.#offer = offer;
    this.#remote = offer.transport.ice;
    this.#setup = answeredSetup(offer.transport.setup, PREFERRED_SETUP);
  }

  get agreed(): Agreed {
    return { offer: this.#offer, setup: this.#setup };
  }

  /** The sections of the newest answer. */
  get sections(): readonly AgreedSection[] {
    return this.#sections;
  }

  /** Has new credentials of ours where the peer has new ones. */
  answer({ offer, tracks, reoffer }: OfferPlan): Answer {
    if (reoffer?.iceRestart === true) this.restartIce(offer.transport.ice);
    this.#offer = offer;
    const published = new Set(tracks.map(({ track }) => track.mid));
    const taken = this.#taken();
    const decisions = new Map<string, Decision>();
    for (const section of offer.sections) {
      if (!section.accepted) continue;
      const { mid } = section;
      decisions.set(mid, {
        receive: published.has(mid),
        ...(receives(section) ? { send: this.#stream(mid, taken) } : {}),
        ...(this.#plain ? { codecs: offeredOrder(section) } : {}),
      });
    }
    const negotiation = negotiate(offer, decisions);
    this.#sections = negotiation.sections.flatMap((one) => (one.accepted ? [one] : []));
    const mids = new Set(this.#sections.map(({ mid }) => mid));
    for (const mid of this.#streams.keys()) if (!mids.has(mid)) this.#streams.delete(mid);
    const sdp = makeAnswer(negotiation, {
      origin: { sessionId: this.#sessionId, version: ++this.#version },
      ice: this.#local,
      candidates: this.place.candidates,
      fingerprint: this.place.fingerprint,
      setup: this.#setup,
    });
    return { sdp, sections: this.#sections };
  }

  /** RFC 8445 s9: new credentials of both sides; `change` tells the media worker. Returns ours. */
  restartIce(remote: IceCredentials): IceCredentials {
    this.#local = newIceCredentials();
    this.#remote = remote;
    return this.#local;
  }

  open(publications: readonly PublicationSetup[], slots: readonly SlotBinding[]): void {
    this.place.send({
      type: 'sfu.open',
      id: this.id,
      room: this.#room,
      ice: { local: this.#local, remote: this.#remote },
      fingerprints: this.#offer.transport.fingerprints,
      setup: this.#setup,
      media: this.#media(publications),
      slots,
    });
    for (const order of this.#network.standing()) this.impair(order);
  }

  change(publications: readonly PublicationSetup[], iceRestart: boolean): void {
    if (iceRestart) this.#network.restarted();
    this.place.send({
      type: 'sfu.change',
      id: this.id,
      media: this.#media(publications),
      ...(iceRestart ? { ice: { local: this.#local, remote: this.#remote } } : {}),
    });
  }

  bind(slots: readonly SlotBinding[]): void {
    if (slots.length > 0) this.place.send({ type: 'sfu.bind', id: this.id, slots });
  }

  mute(publication: number, muted: boolean): void {
    this.place.send({ type: 'sfu.mute', publication, muted });
  }

  impair(order: ImpairOrder): void {
    this.place.send({ type: 'sfu.impair', id: this.id, ...order });
  }

  /** Which encodings the publisher was told that anybody wants, the lowest first. */
  rest(publication: number, wanted: readonly boolean[]): void {
    this.place.send({ type: 'sfu.encodings', publication, wanted });
  }

  close(): void {
    this.place.send({ type: 'sfu.close', id: this.id });
  }

  #media(publications: readonly PublicationSetup[]): MediaSetup {
    return { sections: this.#sections, publications };
  }

  /** Both sides' sources. */
  #taken(): Set<number> {
    const taken = new Set<number>();
    for (const { ssrc, rtxSsrc } of this.#streams.values()) taken.add(ssrc).add(rtxSsrc);
    for (const section of this.#offer.sections) {
      if (!section.accepted) continue;
      for (const { ssrc, rtxSsrc } of section.streams) taken.add(ssrc).add(rtxSsrc ?? 0);
    }
    return taken;
  }

  /** The same for a section as long as it is there. */
  #stream(mid: string, taken: Set<number>): OutgoingStream {
    const before = this.#streams.get(mid);
    if (before !== undefined) return before;
    const track = `slot-${mid}`;
    const stream: OutgoingStream = {
      ssrc: newSsrc(taken),
      rtxSsrc: newSsrc(taken),
      cname: CNAME,
      // Receivers play in step what is of one stream; what the slots show has no common clock.
      msid: { stream: this.#plain ? CNAME : track, track },
    };
    this.#streams.set(mid, stream);
    return stream;
  }
}

function offeredOrder({ codecs }: OfferedSection): CodecName[] {
  return [...new Set(codecs.map(({ name }) => name))];
}
