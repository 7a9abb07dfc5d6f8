// In which order the tracks of a room deserve a slot, whoever looks: computed once for all of its participants.
// Called by: RoomMedia. Pure. Allocates: the order.

import type { Track } from './track.ts';

/** The tracks of one kind, the most wanted first. */
export interface Ranking {
  readonly order: readonly Track[];
  readonly places: ReadonlyMap<Track, number>;
  /** Where in `order` each tier ends. Within a tier what a slot shows already goes before the rest. */
  readonly tiers: readonly number[];
}

const SCREEN = 0;
const LOUDEST = 1;
const SPEAKS = 2;
const HEARD = 3;
const SILENT = 4;
/** Muted, or its publisher's network is away. */
const NOTHING = 5;
const TIERS = 6;

export function rankTracks(tracks: readonly Track[]): Ranking {
  const tiers = Array.from({ length: TIERS }, (): Track[] => []);
  for (const track of tracks) tiers[tierOf(track)]!.push(track);
  const order = tiers.flatMap((tier) => tier.toSorted(compare));
  let end = 0;
  return {
    order,
    places: new Map(order.map((track, place) => [track, place])),
    tiers: tiers.map((tier) => (end += tier.length)),
  };
}

function tierOf(track: Track): number {
  const { muted, cut, publication, source, heard, isMicrophone, publisher } = track;
  if (muted || cut || publication === 0) return NOTHING;
  if (source === 'screen' || source === 'screen-audio') return SCREEN;
  // Nothing of it is forwarded.
  if (isMicrophone && heard < 0) return SILENT;
  if (publisher.speaking === 0) return LOUDEST;
  // Who has just begun to speak is not among those who are known to yet.
  if (publisher.speaking > 0 || heard === 0) return SPEAKS;
  return heard > 0 ? HEARD : SILENT;
}

/** Who speaks by loudness, then who was silent for the shortest time, then who came first. */
function compare({ publisher: a }: Track, { publisher: b }: Track): number {
  return rank(a.speaking) - rank(b.speaking) || b.spokeAt - a.spokeAt || a.joined - b.joined;
}

function rank(speaking: number): number {
  return speaking < 0 ? Number.MAX_SAFE_INTEGER : speaking;
}
