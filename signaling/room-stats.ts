// What HTTP tells of the media of a room: each participant's transport, tracks and subscriptions, as its media worker
// counts them, with the names that clients know. Who asks the same at the same time shares one answer.
// Called by: the server entry's API. Allocates: an answer.

import { Coalesced } from '../shared/coalesced.ts';
import type { IncomingReport, OutgoingReport, TransportReport } from '../sfu/control.ts';
import type { MediaPlace } from './media-plane.ts';
import type { ParticipantMedia } from './media/participant-media.ts';
import type { Reports } from './media/reports.ts';
import type { RoomMedia } from './media/room-media.ts';
import type { ParticipantInfo, TrackInfo } from './protocol.ts';
import type { Member, Room } from './room.ts';
import type { Rooms } from './rooms.ts';

/** In one answer, of about 10 kB each; the others are asked for one by one. */
export const PARTICIPANTS_MAX = 100;

/** `p2p`: the server sees no media of that room. `unavailable`: the room's media worker does not answer. */
export type StatsFailure = 'no-room' | 'no-participant' | 'p2p' | 'unavailable';

type TransportStats = Pick<TransportReport, 'state' | 'rttMs' | 'availableBps'> &
  Omit<TransportReport['link'], 'path'> & {
    /** The media worker that has it. */
    worker: number;
    path: TransportReport['link']['path'] | null;
    /** Of ICE: a relay of this server, or an address that it has learnt from checks. */
    remoteCandidate: 'prflx' | 'relay' | null;
  };

type StreamStats = Omit<IncomingReport, 'mid' | 'publication'>;

type SubscriptionStats = Omit<OutgoingReport, 'publication'> & {
  /** What the slot is pointed at, and whose it is. */
  track: string | null;
  participant: string | null;
};

export interface ParticipantStats {
  participant: Pick<ParticipantInfo, 'sid' | 'identity' | 'name' | 'state' | 'joinedAt'>;
  /** Null before its first offer, and while its media is lost. */
  transport: TransportStats | null;
  tracks: (TrackInfo & { mid: string; streams: StreamStats[] })[];
  subscriptions: SubscriptionStats[];
}

export interface RoomStatsAnswer {
  room: { sid: string; name: string };
  /** In the room; the list below has PARTICIPANTS_MAX of them at most. */
  total: number;
  participants: ParticipantStats[];
}

/** A participant and what it has in its room. */
interface Subject {
  readonly member: Member;
  readonly media: ParticipantMedia | undefined;
}

export class RoomStats {
  readonly #rooms: Rooms;
  readonly #reports: Reports | null;
  /** Answers that are on their way, by whom they are about. */
  readonly #asked = new Coalesced();

  /** Without reports all rooms are of mode `p2p`. */
  constructor(rooms: Rooms, reports: Reports | null) {
    this.#rooms = rooms;
    this.#reports = reports;
  }

  /** @param who a participant's sid or identity */
  async participant(roomName: string, who: string): Promise<ParticipantStats | StatsFailure> {
    const room = this.#rooms.get(roomName);
    if (room === undefined) return 'no-room';
    const member = room.withSid(who) ?? room.withIdentity(who);
    if (member === undefined) return 'no-participant';
    const stats = await this.#ask(room, member.participant.sid, [member]);
    return typeof stats === 'string' ? stats : (stats[0] ?? 'no-participant');
  }

  /** Of all participants, the longest in the room first, up to PARTICIPANTS_MAX. */
  async room(roomName: string): Promise<RoomStatsAnswer | StatsFailure> {
    const room = this.#rooms.get(roomName);
    if (room === undefined) return 'no-room';
    const { sid, name, size } = room;
    const stats = await this.#ask(room, sid, [...room.members()].slice(0, PARTICIPANTS_MAX));
    return typeof stats === 'string'
      ? stats
      : { room: { sid, name }, total: size, participants: stats };
  }

  #ask(
    { media }: Room,
    key: string,
    members: readonly Member[],
  ): Promise<ParticipantStats[] | StatsFailure> {
    const reports = this.#reports;
    if (media === null || reports === null) return Promise.resolve('p2p');
    return this.#asked.once(key, () => collect(reports, media, members));
  }
}

async function collect(
  reports: Reports,
  room: RoomMedia,
  members: readonly Member[],
): Promise<ParticipantStats[] | StatsFailure> {
  const subjects = members.map((member): Subject => ({
    member,
    media: room.of(member.participant.sid),
  }));
  const idsByPlace = new Map<MediaPlace, number[]>();
  for (const { media } of subjects) {
    if (media === undefined || media.transport === null) continue;
    const { id, place } = media.transport;
    const ids = idsByPlace.get(place);
    if (ids === undefined) idsByPlace.set(place, [id]);
    else ids.push(id);
  }
  const told = await Promise.all([...idsByPlace].map(([place, ids]) => reports.ask(place, ids)));
  // Half an answer is one, of those that a worker still has.
  if (told.length > 0 && told.every((one) => one === null)) return 'unavailable';
  const byId = new Map(told.flatMap((one) => one ?? []).map((report) => [report.id, report]));
  return subjects.map((subject) => {
    // What has been offered anew meanwhile has another number.
    const report = byId.get(subject.media?.transport?.id ?? 0);
    return participantStats(room, subject, report);
  });
}

function participantStats(
  room: RoomMedia,
  { member, media }: Subject,
  report: TransportReport | undefined,
): ParticipantStats {
  const { sid, identity, name, state, joinedAt } = member.participant;
  const incoming = report?.incoming ?? [];
  return {
    participant: { sid, identity, name, state, joinedAt },
    transport: report && media?.transport ? transportStats(report, media.transport.place) : null,
    tracks: (media?.tracks ?? []).map((track) =>
      Object.assign(track.info(), {
        mid: track.mid,
        streams: incoming
          .filter(({ publication }) => publication === track.publication)
          .map(streamStats),
      }),
    ),
    subscriptions: (report?.outgoing ?? []).map((outgoing) => subscriptionStats(room, outgoing)),
  };
}

function transportStats(
  { state, rttMs, availableBps, link }: TransportReport,
  { worker }: MediaPlace,
): TransportStats {
  const path = link.path === '' ? null : link.path;
  const remoteCandidate = path === null ? null : path === 'relay' ? 'relay' : 'prflx';
  return { state, worker, ...link, path, remoteCandidate, rttMs, availableBps };
}

/** What it is of stands around it. */
function streamStats(report: IncomingReport): StreamStats {
  const { mid: _mid, publication: _publication, ...stats } = report;
  return stats;
}

function subscriptionStats(
  room: RoomMedia,
  { publication, mid, ...stats }: OutgoingReport,
): SubscriptionStats {
  const track = room.trackNumbered(publication);
  return {
    mid,
    track: track?.sid ?? null,
    participant: track?.publisher.sid ?? null,
    ...stats,
  };
}
