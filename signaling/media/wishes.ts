// What a participant wishes of the tracks of others: which it wants at all, which before all others, how large, or in
// which encoding.
// Called by: ParticipantMedia, its owner.

import type { SubscribeMessage } from '../protocol.ts';
import type { BoundSlot } from './slots.ts';
import type { Track } from './track.ts';

/** Lines of the best of three sizes, as cameras have them; and of two. */
const LINES_OF_THREE = 720;
const LINES_OF_TWO = 480;
/** A picture may be stretched by so much before a larger one is worth its bytes. */
const STRETCH = 1.25;

// Who is given more where the network does not carry all. A wish of the client's goes before.
const PRIORITY_OTHERS = 1;
const PRIORITY_SPEAKER = 2;
const PRIORITY_SCREEN = 3;
const PRIORITY_PINNED = 4;
const PRIORITY_WISHED = 10;

type Wish = SubscribeMessage['tracks'][number];

export class Wishes {
  /** Before all others, the first one first. */
  readonly pinned = new Set<Track>();
  /** Never. */
  readonly off = new Set<Track>();
  /** Lines that are to be seen; 0: none are. */
  readonly #lines = new Map<Track, number>();
  readonly #priorities = new Map<Track, number>();
  /** Encodings that are wanted whatever the network carries. */
  readonly #layers = new Map<Track, number>();
  readonly #hearsAll: boolean;

  /** @param hearsAll whatever it is shown it hears, however quiet it is */
  constructor(hearsAll: boolean) {
    this.#hearsAll = hearsAll;
  }

  take(track: Track, { on, pin, w, h, layer, priority }: Wish): void {
    if (on !== undefined) put(this.off, track, !on);
    if (pin !== undefined) put(this.pinned, track, pin);
    // Of a picture of 16:9; the side that wants more counts.
    const lines = Math.max(h ?? 0, Math.round(((w ?? 0) * 9) / 16));
    if (w !== undefined || h !== undefined) this.#lines.set(track, lines);
    if (layer === null) this.#layers.delete(track);
    else if (layer !== undefined) this.#layers.set(track, layer);
    if (priority !== undefined) this.#priorities.set(track, priority);
  }

  /** Who had them knows nothing of them any more. */
  clear(): void {
    this.off.clear();
    this.pinned.clear();
    this.#lines.clear();
    this.#layers.clear();
    this.#priorities.clear();
  }

  forget(track: Track): void {
    this.off.delete(track);
    this.pinned.delete(track);
    this.#lines.delete(track);
    this.#layers.delete(track);
    this.#priorities.delete(track);
  }

  /**
   * What the slot's track may take of the network, which encodings it needs, and whether it is heard where it is a
   * quiet microphone. True where that has changed.
   */
  weigh(slot: BoundSlot): boolean {
    const { track, wanted, fixed, priority, hidden, pinned, tells } = slot;
    const best = (track?.sizes ?? 1) - 1;
    const isChoice = track !== null && best > 0;
    const layer = isChoice ? this.#layers.get(track) : undefined;
    slot.wanted = isChoice
      ? layer === undefined
        ? this.#wanted(track)
        : Math.min(layer, best)
      : undefined;
    slot.fixed = layer === undefined ? undefined : true;
    slot.priority = isChoice ? this.#priority(track) : undefined;
    slot.adapts = isChoice && tells;
    slot.hidden = track?.kind === 'video' && layer === undefined && this.#lines.get(track) === 0;
    // All up to the best: each is what it falls back to. With one alone, the lowest is there for who comes next.
    const upTo = (2 << (slot.wanted ?? 0)) - 1;
    slot.bits = slot.hidden ? 0 : slot.fixed === true ? 1 | (1 << slot.wanted!) : upTo;
    slot.pinned = track?.isMicrophone === true && (this.#hearsAll || this.pinned.has(track));
    return (
      slot.wanted !== wanted ||
      slot.fixed !== fixed ||
      slot.priority !== priority ||
      slot.hidden !== hidden ||
      slot.pinned !== pinned
    );
  }

  /** The smallest size that is large enough: each has twice the lines of the one below. */
  #wanted(track: Track): number {
    const best = track.sizes - 1;
    const wanted = this.#lines.get(track);
    if (wanted === undefined) return best;
    let lines = (track.sizes > 2 ? LINES_OF_THREE : LINES_OF_TWO) / 2 ** best;
    for (let layer = 0; layer < best; layer++, lines *= 2) {
      if (lines * STRETCH >= wanted) return layer;
    }
    return best;
  }

  #priority(track: Track): number {
    const wished = this.#priorities.get(track);
    if (wished !== undefined) return PRIORITY_WISHED + wished;
    if (this.pinned.has(track)) return PRIORITY_PINNED;
    if (track.source === 'screen') return PRIORITY_SCREEN;
    return track.publisher.speaking >= 0 ? PRIORITY_SPEAKER : PRIORITY_OTHERS;
  }
}

function put<T>(set: Set<T>, item: T, inside: boolean): void {
  if (inside) set.add(item);
  else set.delete(item);
}
