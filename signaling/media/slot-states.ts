// How what a participant is shown is sent to it, and why no better: what the media worker gives each slot, and what
// holds it back on this side. Each change is told once. Called by: ParticipantMedia, its owner.

import type { SlotLayer } from '../../sfu/control.ts';
import type { Subscription } from '../protocol.ts';
import type { BoundSlot } from './slots.ts';
import type { Track } from './track.ts';

interface State {
  readonly track: Track;
  /** The media worker's word; null before it has said any. */
  given: Pick<SlotLayer, 'layer' | 'reason'> | null;
  /** Why nothing is sent, whatever the media worker gives. */
  held: 'muted' | 'hidden' | 'publisher' | null;
  /** What was told last; null where that is nothing. */
  told: Subscription | null;
}

export class SlotStates {
  /** By `mid`. */
  readonly #states = new Map<string, State>();

  /** Looks at what the slots show now; returns what is to be told. */
  look(slots: readonly BoundSlot[], canSubscribe: boolean): Subscription[] {
    const subs: Subscription[] = [];
    for (const { mid, kind, track, hidden, adapts } of slots) {
      if (kind !== 'video') continue;
      const before = this.#states.get(mid);
      if (track === null) {
        if (before === undefined) continue;
        this.#states.delete(mid);
        if (!canSubscribe) subs.push(pausedBy(before.track, 'permission'));
        continue;
      }
      let state = before;
      if (state?.track !== track) {
        state = { track, given: null, held: null, told: null };
        this.#states.set(mid, state);
      }
      const held = holdOf(track, hidden);
      if (held === state.held) continue;
      state.held = held;
      // A slot that was pointed at nothing begins anew.
      if (held === 'hidden') state.given = null;
      // Where nothing is chosen, nobody else says that it goes on.
      else if (!adapts) state.given = { layer: 0, reason: 'best' };
      this.#tell(state, subs);
    }
    return subs;
  }

  /** The media worker's word on a slot that shows that track. */
  hear({ mid, layer, reason }: SlotLayer, track: Track): Subscription[] {
    const subs: Subscription[] = [];
    const state = this.#states.get(mid);
    const known = state?.track === track ? state : { track, given: null, held: null, told: null };
    this.#states.set(mid, known);
    known.given = { layer, reason };
    this.#tell(known, subs);
    return subs;
  }

  /** All that was told and still holds, for a client that may have missed it. */
  get all(): Subscription[] {
    return [...this.#states.values()].flatMap(({ told }) => told ?? []);
  }

  clear(): void {
    this.#states.clear();
  }

  #tell(state: State, subs: Subscription[]): void {
    const { track, held, given, told } = state;
    if (held === null && given === null) return;
    const { layer, reason } = held === null ? given! : { layer: -1, reason: held };
    if (told?.layer === layer && told.reason === reason) return;
    state.told = { track: track.sid, state: layer < 0 ? 'paused' : 'live', layer, reason };
    subs.push(state.told);
  }
}

function holdOf({ muted, cut }: Track, hidden: boolean): State['held'] {
  if (muted) return 'muted';
  if (hidden) return 'hidden';
  return cut ? 'publisher' : null;
}

function pausedBy({ sid }: Track, reason: Subscription['reason']): Subscription {
  return { track: sid, state: 'paused', layer: -1, reason };
}
