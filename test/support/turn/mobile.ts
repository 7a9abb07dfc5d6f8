// A TURN client whose address changes (RFC 8016): the same user at another socket, with the ticket that it was given.

import { MOBILITY, mobilityTicket, REFRESH, TurnClient } from './client.ts';
import type { Allocated, ClientOptions } from './client.ts';
import type { ReceivedMessage } from './received.ts';
import type { World } from './world.ts';

const MOBILITY_TICKET = 0x8030;

/** The ticket in a response. */
export function ticketIn(response: ReceivedMessage): Buffer {
  return response.value(MOBILITY_TICKET);
}

export interface Mobile extends Allocated {
  readonly client: TurnClient;
  readonly ticket: Buffer;
}

/** A client with an allocation and its first ticket. */
export async function mobile(world: World, options: ClientOptions = {}): Promise<Mobile> {
  const client = await TurnClient.of(world, options);
  const allocated = await client.allocate(MOBILITY);
  return { client, ...allocated, ticket: ticketIn(allocated.response) };
}

/** Shows the ticket in a Refresh request. */
export function show(client: TurnClient, ticket: Uint8Array): Promise<ReceivedMessage> {
  return client.request(REFRESH, mobilityTicket(ticket));
}

export interface Moved {
  readonly client: TurnClient;
  readonly ticket: Buffer;
}

/** The client at another socket, once its ticket was taken. */
export async function moved(
  world: World,
  ticket: Uint8Array,
  options: ClientOptions = {},
): Promise<Moved> {
  const client = await TurnClient.of(world, options);
  const response = await show(client, ticket);
  if (response.outcome !== 'success') throw new Error(`Refresh: ${response.outcome}`);
  return { client, ticket: ticketIn(response) };
}
