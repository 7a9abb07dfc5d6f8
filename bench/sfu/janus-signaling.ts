// Publishing to Janus' videoroom and subscribing in it. Janus makes the offers to subscribers.

import { JanusSession } from './janus-session.ts';
import { Peer } from './peer.ts';
import type { Publisher } from './publisher.ts';
import type { Signaling } from './signaling.ts';
import type { Subscriber } from './subscriber.ts';

/** The first room that janus-server.ts configures. */
export const JANUS_ROOM = 1;

/**
 * Janus shall begin DTLS: what libdatachannel sends first comes too early for it, and is sent again a second later.
 */
export function withActiveSetup(offer: string): string {
  return offer.replaceAll('a=setup:actpass', 'a=setup:active');
}

export class JanusSignaling implements Signaling {
  readonly #session: JanusSession;
  readonly #address: string;
  readonly #peers: Peer[] = [];
  readonly #feeds = new Map<Publisher, number>();

  private constructor(session: JanusSession, address: string) {
    this.#session = session;
    this.#address = address;
  }

  /** `url`: of the API, such as http://127.0.0.1:8088/janus. */
  static async open(url: string, address: string): Promise<JanusSignaling> {
    return new JanusSignaling(await JanusSession.open(url), address);
  }

  async publish(publisher: Publisher): Promise<void> {
    const peer = this.#peer(publisher.identity);
    const connected = publisher.sendBy(peer);
    const feed = this.#feeds.size + 1;
    this.#feeds.set(publisher, feed);
    const handle = await this.#session.attach();
    const body = { request: 'joinandconfigure', room: JANUS_ROOM, ptype: 'publisher', id: feed };
    const offer = { type: 'offer', sdp: await peer.offer() } as const;
    const answer = await this.#session.message(handle, body, offer);
    if (answer === undefined) throw new Error('Janus does not answer the offer');
    peer.accept(answer);
    await connected;
  }

  async subscribe(subscriber: Subscriber): Promise<void> {
    const peer = this.#peer('subscriber', subscriber);
    const feed = this.#feeds.get(subscriber.publisher);
    const handle = await this.#session.attach();
    const streams = [{ feed }];
    const body = { request: 'join', room: JANUS_ROOM, ptype: 'subscriber', streams };
    const offer = await this.#session.message(handle, body);
    if (offer === undefined) throw new Error('Janus makes no offer');
    peer.take(withActiveSetup(offer));
    const answer = { type: 'answer', sdp: await peer.answer() } as const;
    await this.#session.message(handle, { request: 'start' }, answer);
  }

  async close(): Promise<void> {
    await this.#session.close();
    for (const peer of this.#peers) peer.close();
  }

  #peer(name: string, subscriber?: Subscriber): Peer {
    const peer = new Peer(name, this.#address, { onTrack: (track) => subscriber?.take(track) });
    this.#peers.push(peer);
    return peer;
  }
}
