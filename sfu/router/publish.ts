// What a description makes of the publications of one publisher: those that go on, those that begin, those that end.
// Called by: ParticipantMedia, RemoteParticipant. Allocates: for each description.

import type { PublicationSetup } from '../control.ts';
import { PUBLICATIONS_PER_PARTICIPANT_MAX } from './limits.ts';
import { Publication, type Publisher } from './publication.ts';
import type { RoomRouter } from './room-router.ts';
import type { IncomingSection } from './sections.ts';

/** Whoever publishes, with what it has so far. */
interface Publishing extends Publisher {
  readonly publications: readonly Publication[];
}

/** Returns what it publishes from now on; what is not among it is shown nowhere any more. */
export function publish(
  room: RoomRouter,
  publisher: Publishing,
  sections: readonly IncomingSection[],
  setups: readonly PublicationSetup[],
  now: number,
): readonly Publication[] {
  const before = publisher.publications;
  const kept = [...new Map(setups.map((one) => [one.publication, one])).values()]
    .slice(0, PUBLICATIONS_PER_PARTICIPANT_MAX)
    .flatMap((setup) => {
      const section = sections.find(({ mid }) => mid === setup.mid);
      return section === undefined ? [] : (publishOne(room, publisher, section, setup, now) ?? []);
    });
  for (const publication of before) {
    if (!kept.includes(publication)) room.unpublish(publication, now);
  }
  return kept;
}

/** The publication of that number, as it is now; undefined where somebody else has the number. */
function publishOne(
  room: RoomRouter,
  publisher: Publishing,
  section: IncomingSection,
  { publication: number, muted, microphone = false }: PublicationSetup,
  now: number,
): Publication | undefined {
  const before = publisher.publications.find((one) => one.number === number);
  if (before?.section.isLike(section) === true) {
    before.describe(section);
    before.setMuted(muted, now);
    return before;
  }
  if (before !== undefined) room.unpublish(before, now);
  if (room.find(number) !== undefined) return undefined;
  const publication = new Publication(room, publisher, section, number, muted, microphone);
  room.publish(publication, now);
  return publication;
}
