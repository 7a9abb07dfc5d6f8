// A UDP forwarder between TURN clients and the server that writes down every STUN message which passes.

import { createSocket } from 'node:dgram';
import type { RemoteInfo, Socket } from 'node:dgram';
import type { Endpoint } from './sterna.ts';
import { parseStun } from './stun-message.ts';
import type { StunMessage } from './stun-message.ts';

export interface TappedMessage extends StunMessage {
  /** Who sent it. */
  readonly from: 'client' | 'server';
}

export class StunTap {
  readonly messages: TappedMessage[] = [];
  readonly #server: Endpoint;
  readonly #front: Socket = createSocket('udp4');
  /** One socket towards the server for each client address, so that each keeps its five-tuple. */
  readonly #backs = new Map<string, Socket>();

  private constructor(server: Endpoint) {
    this.#server = server;
    this.#front.on('message', (datagram, client) => {
      this.#note('client', datagram);
      this.#back(client).send(datagram, server.port, server.host);
    });
  }

  /** `server` has an IPv4 address. */
  static async start(server: Endpoint): Promise<StunTap> {
    const tap = new StunTap(server);
    await new Promise<void>((resolve, reject) => {
      tap.#front.once('error', reject);
      tap.#front.bind(0, '127.0.0.1', resolve);
    });
    return tap;
  }

  /** Where clients find it. */
  get endpoint(): Endpoint {
    return { host: this.#server.host, port: this.#front.address().port };
  }

  ofType(...types: readonly number[]): TappedMessage[] {
    return this.messages.filter(({ type }) => types.includes(type));
  }

  /** The last answer to a request; undefined when none came. */
  answerTo({ transaction }: TappedMessage): TappedMessage | undefined {
    return this.messages.findLast(
      (message) => message.from === 'server' && message.transaction === transaction,
    );
  }

  stop(): void {
    this.#front.close();
    for (const back of this.#backs.values()) back.close();
  }

  #back(client: RemoteInfo): Socket {
    const id = `${client.address}:${client.port}`;
    const known = this.#backs.get(id);
    if (known !== undefined) return known;
    const back = createSocket('udp4');
    back.on('message', (datagram) => {
      this.#note('server', datagram);
      this.#front.send(datagram, client.port, client.address);
    });
    this.#backs.set(id, back);
    return back;
  }

  #note(from: TappedMessage['from'], datagram: Buffer): void {
    const message = parseStun(datagram);
    if (message !== undefined) this.messages.push({ ...message, from });
  }
}
