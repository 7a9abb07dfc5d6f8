// Publishing to Janus' videoroom and subscribing in it, by its own API over HTTP: requests are acknowledged, and
// what comes of them arrives by a long poll, told apart by transaction. Janus makes the offers to subscribers.

import { z } from 'zod';
import { Peer } from './peer.ts';
import type { Publisher } from './publisher.ts';
import type { Signaling } from './signaling.ts';
import type { Subscriber } from './subscriber.ts';

/** The room that janus-server.ts configures. */
export const JANUS_ROOM = 1;
const EVENTS_AT_ONCE = 10;

const reply = z.object({
  janus: z.string(),
  transaction: z.string().optional(),
  data: z.object({ id: z.number() }).optional(),
  error: z.object({ code: z.number(), reason: z.string() }).optional(),
  plugindata: z
    .object({ data: z.object({ videoroom: z.string().optional(), error: z.string().optional() }) })
    .optional(),
  jsep: z.object({ type: z.string(), sdp: z.string() }).optional(),
});
type Reply = z.output<typeof reply>;
const replies = z.union([z.array(reply), reply.transform((one) => [one])]);

interface Jsep {
  readonly type: 'offer' | 'answer';
  readonly sdp: string;
}

export class JanusSignaling implements Signaling {
  readonly #session: string;
  readonly #address: string;
  readonly #peers: Peer[] = [];
  readonly #waiting = new Map<string, (event: Reply) => void>();
  readonly #stopPolling = new AbortController();
  readonly #feeds = new Map<Publisher, number>();
  #transactions = 0;

  private constructor(session: string, address: string) {
    this.#session = session;
    this.#address = address;
  }

  /** `url`: of the API, such as http://127.0.0.1:8088/janus. */
  static async open(url: string, address: string): Promise<JanusSignaling> {
    const created = await post(url, { janus: 'create', transaction: 'create' });
    const signaling = new JanusSignaling(`${url}/${created.data?.id}`, address);
    void signaling.#poll();
    return signaling;
  }

  async publish(publisher: Publisher): Promise<void> {
    const peer = this.#peer(publisher.identity);
    const connected = publisher.sendBy(peer);
    const feed = this.#feeds.size + 1;
    this.#feeds.set(publisher, feed);
    const handle = await this.#attach();
    const body = { request: 'joinandconfigure', room: JANUS_ROOM, ptype: 'publisher', id: feed };
    const { jsep } = await this.#message(handle, body, { type: 'offer', sdp: await peer.offer() });
    if (jsep === undefined) throw new Error('Janus does not answer the offer');
    peer.accept(jsep.sdp);
    await connected;
  }

  async subscribe(subscriber: Subscriber): Promise<void> {
    const peer = this.#peer('subscriber', subscriber);
    const feed = this.#feeds.get(subscriber.publisher);
    const handle = await this.#attach();
    const streams = [{ feed }];
    const body = { request: 'join', room: JANUS_ROOM, ptype: 'subscriber', streams };
    const { jsep } = await this.#message(handle, body);
    if (jsep === undefined) throw new Error('Janus makes no offer');
    // Janus shall begin DTLS: what libdatachannel sends first comes too early for it, and is sent again a second later.
    peer.take(jsep.sdp.replaceAll('a=setup:actpass', 'a=setup:active'));
    await this.#message(handle, { request: 'start' }, { type: 'answer', sdp: await peer.answer() });
  }

  async close(): Promise<void> {
    this.#stopPolling.abort();
    await this.#request(this.#session, { janus: 'destroy' });
    for (const peer of this.#peers) peer.close();
  }

  #peer(name: string, subscriber?: Subscriber): Peer {
    const peer = new Peer(name, this.#address, { onTrack: (track) => subscriber?.take(track) });
    this.#peers.push(peer);
    return peer;
  }

  async #attach(): Promise<string> {
    const attach = { janus: 'attach', plugin: 'janus.plugin.videoroom' };
    const { data } = await this.#request(this.#session, attach);
    return `${this.#session}/${data?.id}`;
  }

  /** The event that comes of it. */
  async #message(handle: string, body: object, jsep?: Jsep): Promise<Reply> {
    const transaction = String(this.#transactions++);
    const event = new Promise<Reply>((resolve) => this.#waiting.set(transaction, resolve));
    await post(handle, { janus: 'message', transaction, body, jsep });
    const answered = await event;
    const error = answered.plugindata?.data.error ?? answered.error?.reason;
    if (error !== undefined) throw new Error(`Janus: ${error}`);
    return answered;
  }

  #request(url: string, body: object): Promise<Reply> {
    return post(url, { ...body, transaction: String(this.#transactions++) });
  }

  async #poll(): Promise<void> {
    const { signal } = this.#stopPolling;
    try {
      while (!signal.aborted) {
        const response = await fetch(`${this.#session}?maxev=${EVENTS_AT_ONCE}`, { signal });
        for (const event of replies.parse(await response.json())) {
          const { transaction = '' } = event;
          this.#waiting.get(transaction)?.(event);
          this.#waiting.delete(transaction);
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

/** What is answered at once. */
async function post(url: string, body: object): Promise<Reply> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  const answered = reply.parse(await response.json());
  if (answered.janus !== 'error') return answered;
  throw new Error(`Janus: ${answered.error?.reason ?? 'error'}`);
}
