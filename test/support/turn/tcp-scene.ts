// What the tests of RFC 6062 stand on, whether the sockets of peers are made up or real: clients behind TCP, and peers
// that take connections and make them.

import type { TransportAddress } from '../../../shared/net/transport-address.ts';
import { peer, TurnClient } from './client.ts';
import { type AttributeSource, u32, u8 } from './message.ts';
import type { ReceivedMessage } from './received.ts';
import type { World } from './world.ts';

const ALLOCATE = 0x0003;
export const CONNECT = 0x000a;
export const CONNECTION_BIND = 0x000b;
export const TCP: AttributeSource = u8(0x0019, 6);
export const connectionId = (id: number): AttributeSource => u32(0x002a, id);

/** A peer that has connected to a relay. */
export interface Caller {
  readonly address: TransportAddress;
  /** Resolves once the server has closed it. */
  closed(): Promise<void>;
}

export interface TcpScene extends World {
  /** Where a peer takes connections. */
  peerAt(): Promise<TransportAddress>;
  /** Where nobody does. */
  nowhere(): Promise<TransportAddress>;
  dial(relayed: TransportAddress): Promise<Caller>;
  /** Whether anybody takes connections at a relay, once nothing is on its way. */
  listensAt(relayed: TransportAddress): Promise<boolean>;
  /** The client ends its connection. */
  leave(client: TurnClient): Promise<void>;
}

/** A client of its own, with its nonce. */
export function clientOf(world: World, username?: string, password?: string): Promise<TurnClient> {
  const as = username === undefined || password === undefined ? {} : { username, password };
  return TurnClient.of(world, as);
}

/** A client with a TCP allocation. */
export async function allocated(
  world: World,
): Promise<{ client: TurnClient; relayed: TransportAddress }> {
  const client = await clientOf(world);
  const response = await client.request(ALLOCATE, TCP);
  if (response.messageClass !== 'success') throw new Error(`Allocate: ${response.outcome}`);
  return { client, relayed: response.address(0x0016) };
}

/** Connects, and returns the CONNECTION-ID. */
export async function connected(client: TurnClient, to: TransportAddress): Promise<number> {
  const response = await client.request(CONNECT, peer(to));
  if (response.messageClass !== 'success') throw new Error(`Connect: ${response.outcome}`);
  return response.u32(0x002a);
}

/** Binds by a new connection of that user. */
export async function bound(
  world: World,
  id: number,
  username?: string,
  password?: string,
): Promise<ReceivedMessage> {
  const client = await clientOf(world, username, password);
  return client.request(CONNECTION_BIND, connectionId(id));
}
