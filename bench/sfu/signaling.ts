// How the load's peers reach each other: through WHIP and WHEP (RFC 9725), or straight, without a server; Janus has
// a file of its own. One interface for all.

import { mintToken } from '../../signaling/index.ts';
import type { Endpoint } from './load-options.ts';
import { JanusSignaling } from './janus-signaling.ts';
import { Peer } from './peer.ts';
import type { Publisher } from './publisher.ts';
import type { Subscriber } from './subscriber.ts';

export const ROOM = 'bench';
const TOKEN_SECONDS = 3600;

export interface Signaling {
  /** Resolves when media can go. */
  publish(publisher: Publisher): Promise<void>;
  /** Resolves when descriptions have been exchanged. */
  subscribe(subscriber: Subscriber): Promise<void>;
  close(): Promise<void>;
}

export async function signalingFor(endpoint: Endpoint, address: string): Promise<Signaling> {
  if (endpoint.api === 'straight') return new StraightSignaling(address);
  if (endpoint.api === 'janus') return JanusSignaling.open(endpoint.url, address);
  return new WhipSignaling(endpoint, address);
}

class WhipSignaling implements Signaling {
  readonly #endpoint: Extract<Endpoint, { api: 'whip' }>;
  readonly #address: string;
  readonly #peers: Peer[] = [];
  readonly #resources: { url: URL; authorization: string }[] = [];
  #subscribers = 0;

  constructor(endpoint: Extract<Endpoint, { api: 'whip' }>, address: string) {
    this.#endpoint = endpoint;
    this.#address = address;
  }

  async publish(publisher: Publisher): Promise<void> {
    const peer = this.#peer(publisher.identity);
    const connected = publisher.sendBy(peer);
    await this.#exchange(peer, `/v1/whip/${ROOM}`, publisher.identity);
    await connected;
  }

  async subscribe(subscriber: Subscriber): Promise<void> {
    const identity = `subscriber-${this.#subscribers++}`;
    const peer = this.#peer(identity);
    subscriber.receiveBy(peer);
    const { identity: from } = subscriber.publisher;
    await this.#exchange(peer, `/v1/whep/${ROOM}?participant=${from}`, identity);
  }

  async close(): Promise<void> {
    for (const { url, authorization } of this.#resources) {
      await fetch(url, { method: 'DELETE', headers: { authorization } });
    }
    for (const peer of this.#peers) peer.close();
  }

  #peer(name: string): Peer {
    const peer = new Peer(name, this.#address);
    this.#peers.push(peer);
    return peer;
  }

  async #exchange(peer: Peer, path: string, identity: string): Promise<void> {
    const { url } = this.#endpoint;
    const authorization = `Bearer ${this.#token(identity)}`;
    const response = await fetch(new URL(path, url), {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/sdp' },
      body: await peer.offer(),
    });
    const answer = await response.text();
    const location = response.headers.get('location');
    if (response.status !== 201 || location === null) {
      throw new Error(`${path}: ${response.status} ${answer.slice(0, 200)}`);
    }
    this.#resources.push({ url: new URL(location, url), authorization });
    peer.accept(answer);
  }

  #token(identity: string): string {
    const { key, secret } = this.#endpoint;
    if (secret === '') return identity;
    const grants = { room: ROOM, roomJoin: true };
    return mintToken({ key, secret, identity, grants, ttlSeconds: TOKEN_SECONDS });
  }
}

/** Every subscription is a connection of its own to its publisher, who sends all of them himself. */
class StraightSignaling implements Signaling {
  readonly #address: string;
  readonly #peers: Peer[] = [];

  constructor(address: string) {
    this.#address = address;
  }

  publish(): Promise<void> {
    return Promise.resolve();
  }

  async subscribe(subscriber: Subscriber): Promise<void> {
    const from = new Peer('from', this.#address);
    const to = new Peer('to', this.#address, { onTrack: (track) => subscriber.take(track) });
    this.#peers.push(from, to);
    const connected = subscriber.publisher.sendBy(from);
    to.take(await from.offer());
    from.accept(await to.answer());
    await connected;
  }

  close(): Promise<void> {
    for (const peer of this.#peers) peer.close();
    return Promise.resolve();
  }
}
