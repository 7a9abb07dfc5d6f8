// Who is in the room: applies `people` and snapshots, and says what that changed. Late and repeated news
// change nothing (`v`). Called by: roster.ts in browsers, the Node client's room.

import type { ParticipantInfo } from '../signaling/protocol.ts';
import type { Person } from './person.ts';

export interface PeopleChange<P extends Person> {
  joined: P[];
  updated: P[];
  left: { participant: P; reason: string }[];
}

export abstract class People<P extends Person> {
  readonly participants = new Map<string, P>();

  protected abstract make(info: ParticipantInfo): P;

  apply(
    upd: readonly ParticipantInfo[],
    gone: readonly { sid: string; reason: string }[],
  ): PeopleChange<P> {
    const change: PeopleChange<P> = { joined: [], updated: [], left: [] };
    for (const info of upd) {
      const known = this.participants.get(info.sid);
      if (known) {
        if (known.update(info)) change.updated.push(known);
        continue;
      }
      const participant = this.make(info);
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
  replace(all: readonly ParticipantInfo[]): PeopleChange<P> {
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
