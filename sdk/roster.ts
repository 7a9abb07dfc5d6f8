// Who is in the room: applies `people` and snapshots, and says what that changed. Late and repeated news
// change nothing (`v`). Owned by room.ts.

import type { ParticipantInfo, RoomInfo } from '../signaling/protocol.ts';
import { Participant } from './participant.ts';
import type { Views } from './views.ts';

export interface RosterChange {
  joined: Participant[];
  updated: Participant[];
  left: { participant: Participant; reason: string }[];
}

export class Roster {
  readonly participants = new Map<string, Participant>();
  /** How media flows to and from those who are added from now on. */
  mode: RoomInfo['mode'] = 'p2p';
  readonly #makeStream: () => MediaStream;
  readonly #views: Views | undefined;

  constructor(makeStream: () => MediaStream, views?: Views) {
    this.#makeStream = makeStream;
    this.#views = views;
  }

  apply(
    upd: readonly ParticipantInfo[],
    gone: readonly { sid: string; reason: string }[],
  ): RosterChange {
    const change: RosterChange = { joined: [], updated: [], left: [] };
    for (const info of upd) {
      const known = this.participants.get(info.sid);
      if (known) {
        if (known.update(info)) change.updated.push(known);
        continue;
      }
      const { mode } = this;
      const makeStream = this.#makeStream;
      const views = mode === 'sfu' ? this.#views : undefined;
      const participant = new Participant(info, { mode, makeStream, views, stream: makeStream() });
      this.participants.set(info.sid, participant);
      change.joined.push(participant);
    }
    for (const { sid, reason } of gone) {
      const participant = this.participants.get(sid);
      if (!participant) continue;
      this.participants.delete(sid);
      change.left.push({ participant, reason });
    }
    return change;
  }

  /** `all` is everybody: who is not in it has left unseen. */
  replace(all: readonly ParticipantInfo[]): RosterChange {
    const present = new Set(all.map((info) => info.sid));
    const gone = [...this.participants.keys()]
      .filter((sid) => !present.has(sid))
      .map((sid) => ({ sid, reason: 'UNSEEN' }));
    return this.apply(all, gone);
  }

  clear(): void {
    this.participants.clear();
  }
}
