// The receive slots of a participant: the sections of its answer that we send in, and what each is pointed at.
// Called by: ParticipantMedia.

import type { SlotBinding } from '../../sfu/control.ts';
import type { AgreedSection } from '../../sfu/sdp/negotiation.ts';
import type { Binding } from '../protocol.ts';
import type { Slot } from './slot-policy.ts';
import type { Track } from './track.ts';

export interface BoundSlot extends Slot {
  track: Track | null;
  /** As SlotBinding has them; undefined where there is no choice. */
  wanted: number | undefined;
  priority: number | undefined;
  /** Of a microphone: it is to be heard however quiet it is. */
  pinned: boolean;
}

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
    const pinned = earlier?.pinned ?? false;
    return [{ mid, kind, formats, track, wanted: undefined, priority: undefined, pinned }];
  });
}

/** As the media worker is told. */
export function slotBindings(slots: readonly BoundSlot[]): SlotBinding[] {
  return slots.map(({ mid, track, wanted, priority, pinned }) => ({
    mid,
    publication: track?.publication ?? 0,
    ...(wanted === undefined ? {} : { wanted }),
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
