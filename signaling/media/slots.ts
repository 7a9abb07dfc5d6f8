// The receive slots of a participant: the sections of its answer that we send in, and what each is pointed at.
// Called by: ParticipantMedia.

import type { SlotBinding } from '../../sfu/control.ts';
import type { AgreedSection } from '../../sfu/sdp/negotiation.ts';
import type { Binding } from '../protocol.ts';
import type { EncodingBits } from './demands.ts';
import type { Slot } from './slot-policy.ts';
import type { Track } from './track.ts';

export interface BoundSlot extends Slot {
  track: Track | null;
  /** As SlotBinding has them; undefined where there is no choice. */
  wanted: number | undefined;
  fixed: boolean | undefined;
  priority: number | undefined;
  /** Of a microphone: it is to be heard however quiet it is. */
  pinned: boolean;
  /** It is not to be seen: nothing is sent, though the track keeps the slot. */
  hidden: boolean;
  /** The media worker chooses among encodings, and says what it chose. */
  adapts: boolean;
  /** The encodings that it may be given. */
  bits: EncodingBits;
  /** Whether its client tells of what arrives. */
  readonly tells: boolean;
}

const UNWEIGHED = {
  wanted: undefined,
  fixed: undefined,
  priority: undefined,
  pinned: false,
  hidden: false,
  adapts: false,
  bits: 0,
} as const;

/** The sections that we send in; what a slot showed before it shows on. */
export function slotsOf(
  sections: readonly AgreedSection[],
  before: readonly BoundSlot[],
): BoundSlot[] {
  const known = new Map(before.map((slot) => [slot.mid, slot]));
  return sections.flatMap(({ mid, kind, codecs, outgoing }) => {
    if (outgoing === undefined) return [];
    const formats = new Set(codecs.map(({ format }) => format));
    const earlier = known.get(mid);
    const track = earlier?.kind === kind ? earlier.track : null;
    const tells = codecs.some(({ feedback }) => feedback.includes('transport-cc'));
    return [{ ...UNWEIGHED, mid, kind, formats, track, tells }];
  });
}

/** As the media worker is told. */
export function slotBindings(slots: readonly BoundSlot[]): SlotBinding[] {
  return slots.map(({ mid, track, wanted, fixed, priority, hidden, pinned }) => ({
    mid,
    publication: hidden ? 0 : (track?.publication ?? 0),
    ...(wanted === undefined ? {} : { wanted }),
    ...(fixed === undefined ? {} : { fixed }),
    ...(priority === undefined ? {} : { priority }),
    ...(pinned ? { pinned } : {}),
  }));
}

/** As the client is told. */
export function bindings(slots: readonly BoundSlot[]): Binding[] {
  return slots.map(({ mid, track }) => ({
    mid,
    track: track?.sid ?? null,
    participant: track?.publisher.sid ?? null,
  }));
}
