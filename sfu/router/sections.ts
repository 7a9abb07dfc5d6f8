// What was negotiated for one section, in the form that packets are handled with: by payload type, by the number of a
// header extension. Made for each description. Called by: ParticipantMedia. Allocates: when it is made.

import { EXTENSION_TRANSPORT_CC, ExtensionIds } from '../rtp/extension-kinds.ts';
import { codecOf } from '../rtp/key-frame.ts';
import type { RtpReader } from '../rtp/rtp-reader.ts';
import { extensionUri } from '../sdp/header-extensions.ts';
import type { Direction } from '../sdp/lines.ts';
import type { AgreedSection } from '../sdp/negotiation.ts';
import type { OfferedCodec } from '../sdp/payload-types.ts';
import { ENCODINGS_MAX } from './limits.ts';

const PAYLOAD_TYPES = 128;

/** One codec of a section. */
export interface SectionCodec {
  readonly payloadType: number;
  /** -1 where the peer does no retransmissions. */
  readonly rtxPayloadType: number;
  /** The same where a receiver of one can decode the other. */
  readonly format: string;
  /** One of CODEC_*. */
  readonly codec: number;
  readonly clockRate: number;
  readonly name: string;
  readonly isRedundant: boolean;
}

/** A payload type is one of these, or -1. */
export type PayloadTypes = Int16Array;

/** What a participant sends in a section. */
export class IncomingSection {
  readonly mid: string;
  readonly kind: 'audio' | 'video';
  readonly midBytes: Uint8Array;
  readonly ids: ExtensionIds;
  /** In the order of the encodings; empty where there is one without a name. */
  readonly rids: readonly Uint8Array[];
  /** What the peer announced, in the order of the encodings: SSRC, and that of its retransmissions or -1. */
  readonly announced: readonly { readonly ssrc: number; readonly rtxSsrc: number }[];
  /** What the peer understands (RFC 4585 s4.2, RFC 5104 s7.1). */
  readonly feedback: { readonly nack: boolean; readonly pli: boolean; readonly fir: boolean };
  /** The identifier of transport-wide sequence numbers, where the peer wants to hear of them; otherwise 0. */
  readonly transportCcId: number;
  readonly clockRate: number;
  /** By payload type. */
  readonly #codecs: (SectionCodec | undefined)[];
  /** By the payload type of retransmissions, that of what they repeat; -1 for all others. */
  readonly #repairs: PayloadTypes;

  constructor(section: AgreedSection) {
    this.mid = section.mid;
    this.kind = section.kind;
    this.midBytes = Buffer.from(section.mid);
    this.ids = extensionIds(section, 'recvonly');
    this.rids = section.simulcast.slice(0, ENCODINGS_MAX).map(({ id }) => Buffer.from(id));
    this.announced = section.streams
      .slice(0, ENCODINGS_MAX)
      .map(({ ssrc, rtxSsrc = -1 }) => ({ ssrc, rtxSsrc }));
    const feedback = new Set(section.codecs.flatMap((codec) => codec.feedback));
    // All codecs of a kind have the same clock here.
    this.feedback = {
      nack: feedback.has('nack'),
      pli: feedback.has('nack pli'),
      fir: feedback.has('ccm fir'),
    };
    this.transportCcId = feedback.has('transport-cc') ? this.ids.id(EXTENSION_TRANSPORT_CC) : 0;
    this.clockRate = section.codecs[0]!.clockRate;
    this.#codecs = Array.from({ length: PAYLOAD_TYPES }, () => undefined);
    this.#repairs = new Int16Array(PAYLOAD_TYPES).fill(-1);
    for (const codec of section.codecs.map(sectionCodec)) {
      this.#codecs[codec.payloadType] = codec;
      if (codec.rtxPayloadType >= 0) this.#repairs[codec.rtxPayloadType] = codec.payloadType;
    }
  }

  /**
   * Whether streams of that section go on under this description: it is the same section, with the same encodings.
   */
  isLike({ mid, kind, rids }: IncomingSection): boolean {
    if (mid !== this.mid || kind !== this.kind || rids.length !== this.rids.length) return false;
    return rids.every((rid, i) => Buffer.compare(rid, this.rids[i]!) === 0);
  }

  /** The codec of a payload type; undefined for one that was not negotiated, or is that of retransmissions. */
  codec(payloadType: number): SectionCodec | undefined {
    return this.#codecs[payloadType];
  }

  /** What retransmissions with that payload type repeat; -1 where it is none of retransmissions. */
  repairedBy(payloadType: number): number {
    return this.#repairs[payloadType] ?? -1;
  }

  knows(payloadType: number): boolean {
    return this.#codecs[payloadType] !== undefined || this.repairedBy(payloadType) >= 0;
  }
}

/** What a participant is sent in a section. */
export class OutgoingSection {
  readonly mid: string;
  readonly kind: 'audio' | 'video';
  readonly midBytes: Uint8Array;
  readonly ids: ExtensionIds;
  readonly clockRate: number;
  readonly codecs: readonly SectionCodec[];
  /** Whether packets have transport-wide numbers, and whether the peer tells of what arrives by them. */
  readonly isNumbered: boolean;
  readonly tells: boolean;

  constructor(section: AgreedSection) {
    this.mid = section.mid;
    this.kind = section.kind;
    this.midBytes = Buffer.from(section.mid);
    this.ids = extensionIds(section, 'sendonly');
    this.clockRate = section.codecs[0]!.clockRate;
    this.codecs = section.codecs.map(sectionCodec);
    this.isNumbered = this.ids.id(EXTENSION_TRANSPORT_CC) > 0;
    const answers = section.codecs.some(({ feedback }) => feedback.includes('transport-cc'));
    this.tells = this.isNumbered && answers;
  }

  /** What the peer decodes that format with. */
  codecOf(format: string): SectionCodec | undefined {
    return this.codecs.find((codec) => codec.format === format);
  }
}

/** Whether that extension of a packet has that value. */
export function elementIs(reader: RtpReader, id: number, value: Uint8Array): boolean {
  const at = reader.extension(id);
  if (at < 0 || reader.extensionBytes(id) !== value.length) return false;
  for (let i = 0; i < value.length; i++) if (reader.bytes[at + i] !== value[i]) return false;
  return true;
}

function sectionCodec(offered: OfferedCodec): SectionCodec {
  const { name, format, payloadType, rtxPayloadType = -1, clockRate } = offered;
  const isRedundant = name === 'red';
  return {
    payloadType,
    rtxPayloadType,
    format,
    codec: codecOf(name),
    clockRate,
    name,
    isRedundant,
  };
}

/** Those of one way: an extension without a direction has that of the section. */
function extensionIds({ extensions }: AgreedSection, way: Direction): ExtensionIds {
  const ids = new ExtensionIds();
  for (const { id, name, direction } of extensions) {
    if (direction === undefined || direction === way) ids.set(extensionUri(name), id);
  }
  return ids;
}
