// The participants of a room as a browser shows them. Owned by room.ts.

import type { ParticipantInfo, RoomInfo } from '../signaling/protocol.ts';
import { Participant } from './participant.ts';
import { People } from './people.ts';
import type { PeopleChange } from './people.ts';
import type { Views } from './views.ts';

export type RosterChange = PeopleChange<Participant>;

export class Roster extends People<Participant> {
  /** How media flows to and from those who are added from now on. */
  mode: RoomInfo['mode'] = 'p2p';
  readonly #makeStream: () => MediaStream;
  readonly #views: Views | undefined;

  constructor(makeStream: () => MediaStream, views?: Views) {
    super();
    this.#makeStream = makeStream;
    this.#views = views;
  }

  protected override make(info: ParticipantInfo): Participant {
    const { mode } = this;
    const makeStream = this.#makeStream;
    const views = mode === 'p2p' ? undefined : this.#views;
    return new Participant(info, { mode, makeStream, views, stream: makeStream() });
  }
}
