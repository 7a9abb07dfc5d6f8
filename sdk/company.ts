// Who is in the room, ourselves included, and the events that tell when that changes. Owned by room.ts.

import type { JoinedMessage, ParticipantInfo, PeopleMessage } from '../signaling/protocol.ts';
import { Participant } from './participant.ts';
import type { RoomEvents, TrackDetail } from './room-events.ts';
import { Roster, type RosterChange } from './roster.ts';
import type { Views } from './views.ts';

export interface CompanySink {
  readonly emit: <K extends keyof RoomEvents>(event: K, detail: RoomEvents[K]) => void;
  /** Who came and who left; nobody has been told. */
  onChange(change: RosterChange): void;
  /** The server says something new about ourselves; nobody has been told. */
  onSelf(info: ParticipantInfo): void;
}

const makeStream = (): MediaStream => new MediaStream();

export class Company {
  readonly #sink: CompanySink;
  readonly #roster: Roster;
  #self: Participant | null = null;

  constructor(views: Views, sink: CompanySink) {
    this.#sink = sink;
    this.#roster = new Roster(makeStream, views);
  }

  /** Null before the server has let us in. */
  get self(): Participant | null {
    return this.#self;
  }

  /** The others, by sid; a live map. */
  get others(): ReadonlyMap<string, Participant> {
    return this.#roster.participants;
  }

  /** Also ourselves. */
  get(sid: string): Participant | undefined {
    return sid === this.#self?.sid ? this.#self : this.#roster.participants.get(sid);
  }

  /** What arrives of the others. */
  arrived(): TrackDetail[] {
    return [...this.others.values()].flatMap((participant) =>
      participant.publications.flatMap((publication) => {
        const { track } = publication;
        return track ? [{ participant, track, publication }] : [];
      }),
    );
  }

  /** A new session: we are somebody else. `stream`: what we send. */
  begin({ room: { mode }, self }: JoinedMessage, stream: MediaStream): void {
    this.#roster.mode = mode;
    this.#self = new Participant(self, { mode, stream, makeStream });
  }

  /** `all` is everybody: who is not in it has left unseen. Returns the others. */
  replace(all: readonly ParticipantInfo[]): ParticipantInfo[] {
    const others = this.#othersOf(all);
    this.#announce(this.#roster.replace(others));
    return others;
  }

  /** Returns those who came or changed, and are still here. */
  apply({ upd, gone }: PeopleMessage): ParticipantInfo[] {
    const self = upd.find((info) => info.sid === this.#self?.sid);
    if (self) this.updateSelf(self);
    const others = this.#othersOf(upd);
    this.#announce(this.#roster.apply(others, gone));
    return others.filter(({ sid }) => this.#roster.participants.has(sid));
  }

  updateSelf(info: ParticipantInfo): void {
    if (!this.#self?.update(info)) return;
    this.#sink.onSelf(info);
    this.#sink.emit('participantUpdated', this.#self);
  }

  /** Nobody is told. */
  clear(): void {
    this.#roster.clear();
  }

  #othersOf(infos: readonly ParticipantInfo[]): ParticipantInfo[] {
    return infos.filter((info) => info.sid !== this.#self?.sid);
  }

  #announce(change: RosterChange): void {
    this.#sink.onChange(change);
    for (const { participant, reason } of change.left) {
      participant.clear();
      this.#sink.emit('participantLeft', { participant, reason });
    }
    for (const participant of change.joined) this.#sink.emit('participantJoined', participant);
    for (const participant of change.updated) this.#sink.emit('participantUpdated', participant);
  }
}
