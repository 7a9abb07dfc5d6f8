// How the rooms load joins Janus' videoroom: one connection publishes, and another one receives all whom the
// participant is to see and hear, each in the substream that it is to have. Subscriptions are for those who are there.

import { JanusSession } from '../sfu/janus-session.ts';
import { JANUS_ROOM, withActiveSetup } from '../sfu/janus-signaling.ts';
import { Peer } from '../sfu/peer.ts';
import { withExtensions } from './extensions.ts';
import type { Member } from './member.ts';
import { heardBy, layerOf, type RoomPlan, type Seat, seenBy } from './plan.ts';
import type { Rooms } from './rooms.ts';

export class JanusRooms implements Rooms {
  readonly #session: JanusSession;
  readonly #address: string;
  readonly #plan: RoomPlan;
  readonly #peers: Peer[] = [];
  /** Those whom Janus knows. */
  readonly #feeds = new Set<number>();

  private constructor(session: JanusSession, address: string, plan: RoomPlan) {
    this.#session = session;
    this.#address = address;
    this.#plan = plan;
  }

  static async open(url: string, address: string, plan: RoomPlan): Promise<JanusRooms> {
    return new JanusRooms(await JanusSession.open(url), address, plan);
  }

  async join(member: Member): Promise<number> {
    const { seat } = member;
    const peer = this.#peer(new Peer(member.identity, this.#address));
    member.sendBy(peer);
    const sdp = withExtensions(await peer.offer(), false);
    const asked = performance.now();
    const handle = await this.#session.attach();
    const room = JANUS_ROOM + seat.room;
    // 0 is nobody's.
    const id = seat.number + 1;
    const body = { request: 'joinandconfigure', room, ptype: 'publisher', id };
    const answer = await this.#session.message(handle, body, { type: 'offer', sdp });
    if (answer === undefined) throw new Error('Janus does not answer the offer');
    const answerMs = performance.now() - asked;
    peer.accept(answer);
    this.#feeds.add(seat.number);
    return answerMs;
  }

  async choose(member: Member, seats: readonly Seat[]): Promise<void> {
    const { seat, inbox } = member;
    const seen = seenBy(seat, seats).filter(({ number }) => this.#feeds.has(number));
    const heard = heardBy(seat, seats, this.#plan).filter(({ number }) => this.#feeds.has(number));
    const streams = [
      ...heard.map(({ number }) => ({ feed: number + 1, mid: 'audio' })),
      ...seen.map(({ number }, n) => ({
        feed: number + 1,
        mid: 'video',
        substream: layerOf(this.#plan, n),
      })),
    ];
    if (streams.length === 0) return;
    const peer = this.#peer(
      new Peer(`${member.identity} receives`, this.#address, {
        onTrack: (track) => inbox.take(track),
      }),
    );
    const handle = await this.#session.attach();
    const body = { request: 'join', room: JANUS_ROOM + seat.room, ptype: 'subscriber', streams };
    const offer = await this.#session.message(handle, body);
    if (offer === undefined) throw new Error('Janus makes no offer');
    peer.take(withActiveSetup(offer));
    const answer = { type: 'answer', sdp: await peer.answer() } as const;
    await this.#session.message(handle, { request: 'start' }, answer);
  }

  #peer(peer: Peer): Peer {
    this.#peers.push(peer);
    return peer;
  }

  async close(): Promise<void> {
    await this.#session.close();
    for (const peer of this.#peers) peer.close();
  }
}
