// A TURN client over real TCP connections for RFC 6062: one for control, and one for each peer.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import {
  type AttributeSource,
  longTermKeyOf,
  message,
  sign,
  text,
  u32,
  u8,
  xorAddress,
} from './message.ts';
import { ReceivedMessage } from './received.ts';

export interface Place {
  readonly host: string;
  readonly port: number;
}

const ALLOCATE = 0x0003;
const CREATE_PERMISSION = 0x0008;
const CONNECT = 0x000a;
const CONNECTION_BIND = 0x000b;

/** One connection to the server, whose messages are read one by one, until it is one for data. */
export class TurnConnection {
  readonly socket: Socket;
  readonly #user: string;
  readonly #password: string;
  readonly #messages: ReceivedMessage[] = [];
  #coming = Buffer.alloc(0);
  #challenge: ReceivedMessage | undefined;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket, user: string, password: string) {
    this.socket = socket;
    this.#user = user;
    this.#password = password;
    socket.on('error', () => undefined);
    socket.on('close', () => this.#wake());
    socket.on('data', this.#onData);
  }

  static async open(server: Place, user = 'user', password = 'pass'): Promise<TurnConnection> {
    const socket = connect({ ...server, allowHalfOpen: true });
    await once(socket, 'connect');
    return new TurnConnection(socket, user, password);
  }

  /** As `open`, over TLS. */
  static async openTls(server: Place, user = 'user', password = 'pass'): Promise<TurnConnection> {
    const socket = connectTls({ ...server, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    return new TurnConnection(socket, user, password);
  }

  readonly #onData = (data: Buffer): void => {
    this.#coming = Buffer.concat([this.#coming, data]);
    while (this.#coming.length >= 20) {
      const end = 20 + this.#coming.readUInt16BE(2);
      if (this.#coming.length < end) return;
      this.#messages.push(new ReceivedMessage(Buffer.from(this.#coming.subarray(0, end))));
      this.#coming = this.#coming.subarray(end);
      this.#wake();
    }
  };

  /** The next message; rejects when the connection ends. */
  async next(): Promise<ReceivedMessage> {
    for (;;) {
      const found = this.#messages.shift();
      if (found !== undefined) return found;
      if (this.socket.destroyed) throw new Error('the connection has ended');
      // oxlint-disable-next-line no-await-in-loop -- one message after the other
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** @param behind bytes that go out in the same write */
  async request(
    type: number,
    attributes: readonly AttributeSource[],
    behind: Uint8Array = new Uint8Array(0),
  ): Promise<ReceivedMessage> {
    if (this.#challenge === undefined) {
      this.socket.write(message(type, randomBytes(12), attributes));
      this.#challenge = await this.next();
    }
    const realm = this.#challenge.text(0x0014);
    const unsigned = message(type, randomBytes(12), [
      ...attributes,
      text(0x0006, this.#user),
      text(0x0014, realm),
      [0x0015, this.#challenge.value(0x0015)],
    ]);
    const key = longTermKeyOf('md5', this.#user, realm, this.#password);
    this.socket.write(Buffer.concat([sign(unsigned, 'sha1', key), behind]));
    return this.next();
  }

  /** The relayed transport address, for TCP unless it is said otherwise. */
  async allocate(protocol: 6 | 17 = 6): Promise<TransportAddress> {
    const response = await this.request(ALLOCATE, [u8(0x0019, protocol)]);
    if (response.messageClass !== 'success') throw new Error(`Allocate: ${response.outcome}`);
    return response.address(0x0016);
  }

  permit(host: string): Promise<ReceivedMessage> {
    return this.request(CREATE_PERMISSION, [xorAddress(0x0012, parse({ host, port: 0 }))]);
  }

  connectTo(peer: Place): Promise<ReceivedMessage> {
    return this.request(CONNECT, [xorAddress(0x0012, parse(peer))]);
  }

  /** The response; after a success the socket is the way to the peer, with what came behind the response unread. */
  async bind(connection: number, behind?: Uint8Array): Promise<ReceivedMessage> {
    const response = await this.request(CONNECTION_BIND, [u32(0x002a, connection)], behind);
    if (response.messageClass === 'success') {
      this.socket.off('data', this.#onData);
      this.socket.pause();
      if (this.#coming.length > 0) this.socket.unshift(this.#coming);
    }
    return response;
  }
}

function parse({ host, port }: Place): TransportAddress {
  const address = TransportAddress.parse(host, port);
  if (address === undefined) throw new TypeError(`not an address: ${host}`);
  return address;
}
