// A track that a participant publishes, as the others know it (TrackInfo) and as the media worker does (a
// publication). Called by: ParticipantMedia, its owner; the slots of the others point at it.

import type { PublicationSetup } from '../../sfu/control.ts';
import type { AgreedSection } from '../../sfu/sdp/negotiation.ts';
import { trackSid } from '../ids.ts';
import type { TrackInfo, TrackOffer, TrackSource } from '../protocol.ts';
import type { EncodingBits } from './demands.ts';

/** What ranking asks about who publishes. */
export interface Publisher {
  readonly sid: string;
  readonly identity: string;
  /** In the order of joining. */
  readonly joined: number;
  /** Place among those who speak now, the loudest 0; -1 for silence. */
  readonly speaking: number;
  /** Rises with time; 0 for never. */
  readonly spokeAt: number;
  /** One whose client speaks no `sterna.v1`, such as an encoder. */
  readonly plain: boolean;
}

export class Track {
  readonly sid: string = trackSid();
  readonly publisher: Publisher;
  readonly kind: 'audio' | 'video';
  readonly source: TrackSource;
  readonly name: string;
  muted: boolean;
  /** Nothing comes of it: its publisher's media cannot reach us at the moment. */
  cut = false;
  /** Its section in the publisher's description. */
  mid: string;
  /** The media worker's number; 0 while there is no media of it. */
  publication = 0;
  /** What it is sent in, the lowest first; empty where that is one without a name. */
  rids: readonly string[] = [];
  /** `OfferedCodec.format` of what the publisher sends. */
  format = '';
  /** Of a microphone: its place among those that the media worker forwards, who came last first; -1 for none. */
  heard = -1;

  constructor(publisher: Publisher, kind: 'audio' | 'video', offer: TrackOffer) {
    this.publisher = publisher;
    this.kind = kind;
    this.source = offer.source;
    this.name = offer.name ?? '';
    this.mid = offer.mid;
    this.muted = offer.muted ?? false;
  }

  /** One of those of which only the loudest are forwarded. */
  get isMicrophone(): boolean {
    return this.source === 'microphone' && !this.publisher.plain;
  }

  /** As the media worker is told. */
  setup(): PublicationSetup {
    const { publication, mid, muted, isMicrophone } = this;
    return { publication, mid, muted, ...(isMicrophone ? { microphone: true } : {}) };
  }

  /** In how many it is sent; 1 where there is no choice. */
  get encodings(): number {
    return Math.max(1, this.rids.length);
  }

  /** Of each encoding, whether its bit is set. */
  wanted(bits: EncodingBits): boolean[] {
    return Array.from({ length: this.encodings }, (_, i) => (bits & (1 << i)) !== 0);
  }

  /** Whether an offer means this track, in whatever section. */
  is(kind: 'audio' | 'video', { source, name = '' }: TrackOffer): boolean {
    return this.kind === kind && this.source === source && this.name === name;
  }

  info(): TrackInfo {
    const { sid, kind, source, name, muted } = this;
    return { sid, kind, source, name, muted };
  }
}

/** A peer sends what stands first in the answer; redundancy is made of the codec that comes after it. */
export function sentFormat({ codecs }: AgreedSection): string {
  return codecs.find(({ name }) => name !== 'red')?.format ?? '';
}
