// A client's UDP socket with many TURN allocations, one at each listener: requests with retransmission, ChannelData.

import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import {
  ALLOCATE,
  CHANNEL_BIND,
  channelNumber,
  CREATE_PERMISSION,
  lifetime,
  peer,
  REFRESH,
  UDP,
} from '../turn/client.ts';
import {
  type AttributeSource,
  channelData,
  longTermKeyOf,
  message,
  sign,
  text,
} from '../turn/message.ts';
import { ReceivedMessage } from '../turn/received.ts';
import type { Endpoint } from '../e2e/sterna.ts';

/** Of every server that `turnConfig` configures. */
export const USER = 'fault';
export const PASSWORD = 'fault password';
const REALM = 'example.org';
const KEY = longTermKeyOf('md5', USER, REALM, PASSWORD);

/** RFC 8489 s6.2.1, but for its doubling: loopback loses a datagram only where a buffer overflows. */
const RETRANSMIT_MS = 500;
const TRANSMISSIONS_MAX = 12;

/** What tests of many allocations configure: no caps, loopback relays and peers. */
export function turnConfig(
  overrides: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    listeners: ['udp://127.0.0.1:0'],
    users: { [USER]: PASSWORD },
    relay: { addresses: ['127.0.0.1'] },
    peers: { allow: ['127.0.0.0/8'] },
    quota: { perUser: 20_000, total: 20_000 },
    limits: { unauthorizedPerSecond: 0, allocationsPerSecond: 0 },
    ...overrides,
  };
}

interface Transaction {
  resolve(response: ReceivedMessage): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
}

export class TurnSocket {
  readonly port: number;
  /** ChannelData and Data indications that come; the channel of an indication is 0. */
  onData: (from: Endpoint, channel: number, payload: Buffer) => void = () => undefined;
  readonly #socket: Socket;
  readonly #transactions = new Map<string, Transaction>();

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.port = socket.address().port;
    socket.on('message', (bytes, { address, port }) =>
      this.#receive(bytes, { host: address, port }),
    );
  }

  static async open(): Promise<TurnSocket> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    socket.setRecvBufferSize(1 << 20);
    return new TurnSocket(socket);
  }

  /** An allocation at that listener; rejects with a Refusal. */
  async allocate(server: Endpoint): Promise<TurnAllocation> {
    const challenge = await this.exchange(server, (id) => message(ALLOCATE, id, [UDP]));
    const nonce = challenge.value(0x0015);
    const allocation = new TurnAllocation(this, server, nonce);
    const response = await allocation.request(ALLOCATE, UDP);
    allocation.relayed = response.address(0x0016);
    return allocation;
  }

  /** Sends what `build` makes until there is an answer to it. */
  exchange(
    server: Endpoint,
    build: (transaction: Uint8Array) => Uint8Array,
  ): Promise<ReceivedMessage> {
    const id = randomBytes(12);
    const bytes = build(id);
    return new Promise((resolve, reject) => {
      const key = id.toString('latin1');
      let transmissions = 0;
      const transmit = (): void => {
        if (++transmissions > TRANSMISSIONS_MAX) {
          clearInterval(timer);
          this.#transactions.delete(key);
          reject(new Error('no answer'));
          return;
        }
        this.send(server, bytes);
      };
      const timer = setInterval(transmit, RETRANSMIT_MS);
      this.#transactions.set(key, { resolve, reject, timer });
      transmit();
    });
  }

  send(to: Endpoint, bytes: Uint8Array): void {
    this.#socket.send(bytes, to.port, to.host);
  }

  close(): void {
    for (const transaction of this.#transactions.values()) {
      clearInterval(transaction.timer);
      transaction.reject(new Error('closed'));
    }
    this.#socket.close();
  }

  #receive(bytes: Buffer, from: Endpoint): void {
    if (bytes[0]! >= 0x40) {
      this.onData(from, bytes.readUInt16BE(0), bytes.subarray(4, 4 + bytes.readUInt16BE(2)));
      return;
    }
    const received = new ReceivedMessage(bytes);
    if (received.messageClass === 'indication') {
      this.onData(from, 0, received.value(0x0013));
      return;
    }
    // The answer to a retransmission comes twice.
    const key = received.transaction.toString('latin1');
    const waiting = this.#transactions.get(key);
    if (waiting === undefined) return;
    this.#transactions.delete(key);
    clearInterval(waiting.timer);
    waiting.resolve(received);
  }
}

/** A request that the server refused. */
export class Refusal extends Error {
  readonly code: number;

  constructor(code: number, reason: string) {
    super(`${code} ${reason}`);
    this.code = code;
  }
}

export class TurnAllocation {
  relayed: TransportAddress = new TransportAddress();
  readonly socket: TurnSocket;
  readonly server: Endpoint;
  readonly #credentials: readonly AttributeSource[];

  constructor(socket: TurnSocket, server: Endpoint, nonce: Uint8Array) {
    this.socket = socket;
    this.server = server;
    this.#credentials = [text(0x0006, USER), text(0x0014, REALM), [0x0015, nonce]];
  }

  /** Rejects with a Refusal. */
  async request(
    method: number,
    ...attributes: readonly AttributeSource[]
  ): Promise<ReceivedMessage> {
    const response = await this.socket.exchange(this.server, (id) =>
      sign(message(method, id, [...attributes, ...this.#credentials]), 'sha1', KEY),
    );
    response.integrity(KEY);
    const { code } = response;
    if (code !== undefined) throw new Refusal(code, response.reason);
    return response;
  }

  async bind(channel: number, to: Endpoint): Promise<void> {
    await this.request(CHANNEL_BIND, channelNumber(channel), peer(addressOf(to)));
  }

  async permit(to: Endpoint): Promise<void> {
    await this.request(CREATE_PERMISSION, peer(addressOf(to)));
  }

  sendChannel(channel: number, payload: Uint8Array): void {
    this.socket.send(this.server, channelData(channel, payload));
  }

  /** Ends it (RFC 8656 s8). */
  async delete(): Promise<void> {
    await this.request(REFRESH, lifetime(0));
  }
}

/** Sends through each to an EchoPeer, and resolves when every echo is there; one allocation a socket. */
export async function echoed(
  channel: number,
  allocations: readonly TurnAllocation[],
): Promise<number> {
  const echoes = allocations.map(
    ({ socket }) =>
      new Promise<void>((resolve) => {
        socket.onData = () => resolve();
      }),
  );
  for (const allocation of allocations) allocation.sendChannel(channel, Buffer.from('echo'));
  await Promise.all(echoes);
  return echoes.length;
}

function addressOf({ host, port }: Endpoint): TransportAddress {
  const address = TransportAddress.parse(host, port);
  if (address === undefined) throw new TypeError(host);
  return address;
}
