// A TURN client for tests. It holds every response to what RFC 8489 asks of each: the right transaction,
// zeroed padding, integrity that fits the key. Each request can be bent before it goes out.

import { randomBytes } from 'node:crypto';
import type { AddressFamily, TransportAddress } from '../../../shared/net/transport-address.ts';
import {
  type Algorithm,
  type AttributeSource,
  channelData,
  fingerprinted,
  type Hash,
  longTermKeyOf,
  message,
  sign,
  text,
  u32,
  u8,
  xorAddress,
} from './message.ts';
import { ReceivedMessage } from './received.ts';
import { type Endpoint, PASSWORD, REALM, USER, type World } from './world.ts';

export const ALLOCATE = 0x0003;
export const REFRESH = 0x0004;
export const SEND_INDICATION = 0x0016;
export const CREATE_PERMISSION = 0x0008;
export const CHANNEL_BIND = 0x0009;
export const BINDING = 0x0001;

export const UDP: AttributeSource = u8(0x0019, 17);
export const EVEN_PORT: AttributeSource = [0x0018, [0x00]];
export const EVEN_PORT_RESERVE: AttributeSource = [0x0018, [0x80]];
export const FAMILY_4: AttributeSource = u8(0x0017, 1);
export const FAMILY_6: AttributeSource = u8(0x0017, 2);
export const ADDITIONAL_6: AttributeSource = u8(0x8000, 2);

export const lifetime = (seconds: number): AttributeSource => u32(0x000d, seconds);
export const peer = (address: TransportAddress): AttributeSource => xorAddress(0x0012, address);
export const data = (bytes: Uint8Array): AttributeSource => [0x0013, bytes];
export const channelNumber = (number: number): AttributeSource => [
  0x000c,
  [number >> 8, number & 0xff, 0, 0],
];
export const reservationToken = (token: Uint8Array): AttributeSource => [0x0022, token];
/** Asks for a ticket (RFC 8016 s3.1.1). */
export const MOBILITY: AttributeSource = [0x8030, []];
export const mobilityTicket = (ticket: Uint8Array): AttributeSource => [0x8030, ticket];

/** How a client signs: RFC 5389's way, or one of RFC 8489's. */
export type Flavour = 'legacy' | Algorithm;

export interface ClientOptions {
  readonly family?: AddressFamily;
  readonly username?: string;
  readonly password?: string;
  /** `legacy` sends no PASSWORD-ALGORITHM; `md5` and `sha256` choose that one from the server's list. */
  readonly flavour?: Flavour;
  readonly fingerprint?: boolean;
}

/** One allocation as the client learned of it. */
export interface Allocated {
  readonly response: ReceivedMessage;
  readonly relayed: TransportAddress;
}

export class TurnClient {
  readonly endpoint: Endpoint;
  readonly server: TransportAddress;
  username: string;
  password: string;
  flavour: Flavour;
  fingerprint: boolean;
  realm = REALM;
  nonce: Uint8Array = new Uint8Array(0);
  /** The value of PASSWORD-ALGORITHMS in the last challenge. */
  algorithms: Uint8Array = new Uint8Array(0);

  constructor(endpoint: Endpoint, server: TransportAddress, options: ClientOptions = {}) {
    this.endpoint = endpoint;
    this.server = server;
    this.username = options.username ?? USER;
    this.password = options.password ?? PASSWORD;
    this.flavour = options.flavour ?? 'sha256';
    this.fingerprint = options.fingerprint ?? false;
  }

  /** A client that has its nonce. */
  static async of(world: World, options: ClientOptions = {}): Promise<TurnClient> {
    const client = await TurnClient.unchallenged(world, options);
    await client.challenge();
    return client;
  }

  static async unchallenged(world: World, options: ClientOptions = {}): Promise<TurnClient> {
    const family = options.family ?? 4;
    const server = family === 4 ? world.listener4 : world.listener6;
    return new TurnClient(await world.endpoint(family), server, options);
  }

  get key(): Uint8Array {
    const algorithm = this.flavour === 'sha256' ? 'sha256' : 'md5';
    return longTermKeyOf(algorithm, this.username, this.realm, this.password);
  }

  get hash(): Hash {
    return this.flavour === 'legacy' ? 'sha1' : 'sha256';
  }

  /** Gets realm, nonce and password algorithms, as a first request does (RFC 8489 s9.2.3.1). */
  async challenge(method: number = ALLOCATE): Promise<ReceivedMessage> {
    const response = await this.exchange(message(method, randomBytes(12), [UDP]));
    this.take(response);
    return response;
  }

  /** Remembers what a 401 or 438 says. */
  take(response: ReceivedMessage): void {
    this.realm = response.text(0x0014);
    this.nonce = response.value(0x0015);
    this.algorithms = response.value(0x8002);
  }

  /** The attributes that authenticate, without integrity. */
  credentials(): AttributeSource[] {
    const attributes: AttributeSource[] = [
      text(0x0006, this.username),
      text(0x0014, this.realm),
      [0x0015, this.nonce],
    ];
    if (this.flavour === 'legacy') return attributes;
    const algorithm = this.flavour === 'sha256' ? 2 : 1;
    return [...attributes, [0x8002, this.algorithms], [0x001d, [0, algorithm, 0, 0]]];
  }

  /** A signed request. */
  build(
    method: number,
    attributes: readonly AttributeSource[],
    transaction: Uint8Array = randomBytes(12),
  ): Uint8Array {
    const unsigned = message(method, transaction, [...attributes, ...this.credentials()]);
    const signed = sign(unsigned, this.hash, this.key);
    return this.fingerprint ? fingerprinted(signed) : signed;
  }

  /** Sends a signed request and returns its response. */
  request(method: number, ...attributes: readonly AttributeSource[]): Promise<ReceivedMessage> {
    return this.exchange(this.build(method, attributes));
  }

  /** Sends the bytes of a request and returns its response, checked. */
  async exchange(request: Uint8Array): Promise<ReceivedMessage> {
    this.endpoint.send(request, this.server);
    return this.check(await this.response(request));
  }

  /** The response to a request that was sent; what else comes before it is thrown away. */
  async response(request: Uint8Array): Promise<ReceivedMessage> {
    const wanted = Buffer.from(request.subarray(8, 20));
    for (;;) {
      // oxlint-disable-next-line eslint/no-await-in-loop -- one datagram after the other
      const { bytes, from } = await this.endpoint.receive();
      if (!from.equals(this.server)) throw new Error(`an answer from ${from.toString()}`);
      if (bytes.length >= 20 && bytes[0]! < 4 && bytes.subarray(8, 20).equals(wanted)) {
        return new ReceivedMessage(bytes);
      }
    }
  }

  check(response: ReceivedMessage): ReceivedMessage {
    if (!response.paddingIsZero) throw new Error('padding is not zero');
    if (response.fingerprint === 'wrong') throw new Error('wrong FINGERPRINT');
    response.integrity(this.key);
    return response;
  }

  /** Allocates, and throws if that was refused. */
  async allocate(...attributes: readonly AttributeSource[]): Promise<Allocated> {
    const response = await this.request(ALLOCATE, UDP, ...attributes);
    if (response.messageClass !== 'success') throw new Error(`Allocate: ${response.outcome}`);
    return { response, relayed: response.addresses(0x0016)[0]! };
  }

  permit(...peers: readonly TransportAddress[]): Promise<ReceivedMessage> {
    return this.request(CREATE_PERMISSION, ...peers.map(peer));
  }

  bind(number: number, to: TransportAddress): Promise<ReceivedMessage> {
    return this.request(CHANNEL_BIND, channelNumber(number), peer(to));
  }

  refresh(seconds?: number, ...more: readonly AttributeSource[]): Promise<ReceivedMessage> {
    const attributes = seconds === undefined ? [] : [lifetime(seconds)];
    return this.request(REFRESH, ...attributes, ...more);
  }

  /** A Send indication with the attributes given, which may lack what it should have. */
  indicate(...attributes: readonly AttributeSource[]): void {
    this.endpoint.send(message(SEND_INDICATION, randomBytes(12), attributes), this.server);
  }

  sendTo(to: TransportAddress, bytes: Uint8Array): void {
    this.indicate(peer(to), data(bytes));
  }

  sendChannel(number: number, bytes: Uint8Array, claimed?: number): void {
    this.endpoint.send(channelData(number, bytes, claimed), this.server);
  }

  /** Everything else that came, as short texts: `data <peer> <hex>` or `channel <number> <hex>`. */
  async relayedToMe(): Promise<string[]> {
    return (await this.endpoint.rest()).map(({ bytes }) => describeRelayed(bytes));
  }
}

/** A Data indication or ChannelData message as a short text. */
export function describeRelayed(bytes: Buffer): string {
  if (bytes[0]! >= 0x40) {
    const length = bytes.readUInt16BE(2);
    if (length !== bytes.length - 4) throw new Error('ChannelData with a wrong length');
    return `channel 0x${bytes.readUInt16BE(0).toString(16)} ${bytes.toString('latin1', 4)}`;
  }
  const indication = new ReceivedMessage(bytes);
  if (indication.method !== 7 || indication.messageClass !== 'indication') {
    throw new Error(`unexpected message ${indication.outcome}`);
  }
  if (!indication.paddingIsZero) throw new Error('padding is not zero');
  const from = indication.address(0x0012).toString();
  return `data ${from} ${indication.value(0x0013).toString('latin1')}`;
}

/** What a peer received, as short texts: `<relayed address> <bytes>`. */
export async function receivedBy(endpoint: Endpoint): Promise<string[]> {
  const datagrams = await endpoint.rest();
  return datagrams.map(({ from, bytes }) => `${from.toString()} ${bytes.toString('latin1')}`);
}
