// Tells by its SSRC which stream of which publication a packet belongs to. An SSRC that is not known is recognised by
// MID (RFC 9143 s9.2), RID (RFC 8852), or a payload type that one section alone has. Called by: ParticipantMedia.
// Allocates: for a new SSRC; nothing per packet.

import { EXTENSION_MID, EXTENSION_REPAIRED_RID, EXTENSION_RID } from '../rtp/extension-kinds.ts';
import type { RtpReader } from '../rtp/rtp-reader.ts';
import {
  DROP_PAYLOAD_TYPE,
  DROP_REPLACED_SSRC,
  DROP_TOO_MANY_SSRCS,
  DROP_UNKNOWN_MID,
  DROP_UNKNOWN_RID,
  DROP_UNKNOWN_SSRC,
} from './drop-reason.ts';
import {
  REPLACED_SSRC_AGE_MS,
  REPLACED_SSRC_QUIET_MS,
  SSRCS_PER_PARTICIPANT_MAX,
} from './limits.ts';
import type { Publication } from './publication.ts';
import { elementIs, type IncomingSection } from './sections.ts';

/** One section, and who publishes in it. What is known of SSRCs outlives publications: peers tell it once. */
class Place {
  section: IncomingSection;
  publication: Publication | undefined = undefined;

  constructor(section: IncomingSection) {
    this.section = section;
  }
}

/** What an SSRC is for. */
class KnownSsrc {
  /** As 32 bits with a sign. */
  readonly ssrc: number;
  readonly place: Place;
  readonly encoding: number;
  readonly isRtx: boolean;
  readonly since: number;
  /** The publication in which it has been the stream of its encoding. */
  heardIn: Publication | undefined = undefined;

  constructor(ssrc: number, place: Place, encoding: number, isRtx: boolean, since: number) {
    this.ssrc = ssrc;
    this.place = place;
    this.encoding = encoding;
    this.isRtx = isRtx;
    this.since = since;
  }
}

/** Before any packet. */
const ALWAYS = Number.NEGATIVE_INFINITY;

export class IncomingStreams {
  /** What `find` came to. */
  publication: Publication | undefined = undefined;
  encoding = 0;
  isRtx = false;
  /** Why it found nothing. */
  reason = 0;
  readonly #known = new Map<number, KnownSsrc>();
  #places: readonly Place[] = [];
  /** Of all sections: an identifier means the same in each (RFC 9143 s12). */
  #midId = 0;
  #last: KnownSsrc | undefined = undefined;

  /**
   * A description: what the participant may send, and what it publishes. What is of no section any more is forgotten.
   */
  set(sections: readonly IncomingSection[], publications: readonly Publication[]): void {
    const places = sections.map((section) => {
      const place = this.#places.find((one) => one.section.mid === section.mid);
      if (place === undefined) return new Place(section);
      place.section = section;
      return place;
    });
    this.#places = places;
    this.#last = undefined;
    this.#midId = 0;
    for (const [ssrc, { place }] of this.#known) {
      if (!places.includes(place)) this.#known.delete(ssrc);
    }
    for (const place of places) {
      const { mid, ids, announced } = place.section;
      place.publication = publications.find(({ section }) => section.mid === mid);
      this.#midId ||= ids.id(EXTENSION_MID);
      for (const [encoding, { ssrc, rtxSsrc }] of announced.entries()) {
        this.#announce(ssrc, place, encoding, false);
        if (rtxSsrc >= 0) this.#announce(rtxSsrc, place, encoding, true);
      }
    }
  }

  /** Whose the packet is; false, and `reason`, where it is to be dropped. */
  find(reader: RtpReader, now: number): boolean {
    const ssrc = reader.ssrc | 0;
    let known = this.#last;
    if (known === undefined || known.ssrc !== ssrc) {
      known = this.#known.get(ssrc);
      if (known === undefined) return this.#recognise(reader, now);
      this.#last = known;
    }
    const { section } = known.place;
    if (reader.extension(this.#midId) >= 0 && !elementIs(reader, this.#midId, section.midBytes)) {
      return this.#recogniseAgain(known, reader, now);
    }
    return this.#accept(known, reader, now);
  }

  /** The SSRC of retransmissions of an encoding; null while it is unknown. */
  rtxSsrcOf(publication: Publication, encoding: number): number | null {
    for (const known of this.#known.values()) {
      const isIt = known.isRtx && known.encoding === encoding;
      if (isIt && known.place.publication === publication) return known.ssrc >>> 0;
    }
    return null;
  }

  #accept(known: KnownSsrc, reader: RtpReader, now: number): boolean {
    const { section, publication } = known.place;
    if (publication === undefined) return this.#drop(DROP_UNKNOWN_MID);
    // RFC 9143 s9.2: the payload type must be one of the section.
    if (!section.knows(reader.payloadType)) return this.#drop(DROP_PAYLOAD_TYPE);
    if (!known.isRtx && !takesPlace(known, publication, now)) return this.#drop(DROP_REPLACED_SSRC);
    this.publication = publication;
    this.encoding = known.encoding;
    this.isRtx = known.isRtx;
    return true;
  }

  /** An SSRC that a description announces; what packets have told before stays. */
  #announce(ssrc: number, place: Place, encoding: number, isRtx: boolean): void {
    const known = this.#known.get(ssrc | 0);
    if (known === undefined ? this.#known.size >= SSRCS_PER_PARTICIPANT_MAX : known.place === place)
      return;
    this.#known.set(ssrc | 0, new KnownSsrc(ssrc | 0, place, encoding, isRtx, ALWAYS));
  }

  /** RFC 9143 s9.2: a MID moves its SSRC. Not as often as somebody may like, since each move is a new stream. */
  #recogniseAgain(known: KnownSsrc, reader: RtpReader, now: number): boolean {
    if (now - known.since < REPLACED_SSRC_QUIET_MS) return this.#drop(DROP_UNKNOWN_MID);
    this.#last = undefined;
    this.#known.delete(known.ssrc);
    return this.#recognise(reader, now);
  }

  #recognise(reader: RtpReader, now: number): boolean {
    const place = this.#placeOf(reader);
    if (place === undefined) return false;
    const { section } = place;
    if (!section.knows(reader.payloadType)) return this.#drop(DROP_PAYLOAD_TYPE);
    const isRtx = section.repairedBy(reader.payloadType) >= 0;
    const encoding = encodingOf(section, reader, isRtx);
    if (encoding < 0) return this.#drop(DROP_UNKNOWN_RID);
    if (this.#known.size >= SSRCS_PER_PARTICIPANT_MAX && !this.#makeRoom()) {
      return this.#drop(DROP_TOO_MANY_SSRCS);
    }
    const known = new KnownSsrc(reader.ssrc | 0, place, encoding, isRtx, now);
    this.#known.set(known.ssrc, known);
    return this.#accept(known, reader, now);
  }

  /** By MID; without one, by a payload type that no other section has. */
  #placeOf(reader: RtpReader): Place | undefined {
    const hasMid = reader.extension(this.#midId) >= 0;
    let found: Place | undefined = undefined;
    this.reason = hasMid ? DROP_UNKNOWN_MID : DROP_UNKNOWN_SSRC;
    for (const place of this.#places) {
      const { section } = place;
      if (hasMid) {
        if (elementIs(reader, this.#midId, section.midBytes)) return place;
      } else if (section.knows(reader.payloadType)) {
        if (found !== undefined) return undefined;
        found = place;
      }
    }
    return found;
  }

  /** Forgets an SSRC that another one has replaced, or one of retransmissions: it is recognised again. */
  #makeRoom(): boolean {
    for (const [ssrc, { place, encoding, isRtx }] of this.#known) {
      if (!isRtx && place.publication?.encodings[encoding]?.ssrc === ssrc) continue;
      if (this.#last?.ssrc === ssrc) this.#last = undefined;
      return this.#known.delete(ssrc);
    }
    return false;
  }

  #drop(reason: number): false {
    this.reason = reason;
    return false;
  }
}

/**
 * Whether the SSRC has the place of its encoding. It takes it when it is heard for the first time, or when whoever
 * has it is silent: late packets of a publisher that began anew do not take it back.
 */
function takesPlace(known: KnownSsrc, publication: Publication, now: number): boolean {
  const { encoding, ssrc } = known;
  const current = publication.encodings[encoding];
  if (current?.ssrc === ssrc) return true;
  if (current !== undefined) {
    const isHeld = known.heardIn === publication && now - current.lastAt < REPLACED_SSRC_QUIET_MS;
    if (isHeld || now - current.since < REPLACED_SSRC_AGE_MS) return false;
  }
  known.heardIn = publication;
  publication.start(ssrc, encoding, now);
  return true;
}

/** By RID where there are several (RFC 8852 s3); retransmissions name what they repair. -1 where it is not known. */
function encodingOf({ rids, ids }: IncomingSection, reader: RtpReader, isRtx: boolean): number {
  if (rids.length === 0) return 0;
  const id = ids.id(isRtx ? EXTENSION_REPAIRED_RID : EXTENSION_RID);
  return rids.findIndex((rid) => elementIs(reader, id, rid));
}
