// What the tests of TURN over connections begin with: a client with a channel, and what the server said to it.

import type { TransportAddress } from '../../../shared/net/transport-address.ts';
import { TurnStreams } from '../../../turn/index.ts';
import type { StreamEndpoint, TurnStreamEvent } from '../../../turn/stream-control.ts';
import { BINDING, TurnClient } from './client.ts';
import type { CoreWorld } from './core-world.ts';
import { message } from './message.ts';
import { StreamWorld } from './stream-world.ts';
import type { Endpoint, WorldOptions } from './world.ts';

/** A request that anybody may make. */
export const binding = (): Uint8Array => message(BINDING, new Uint8Array(12).fill(9));

interface Bound {
  readonly client: TurnClient;
  readonly host: Endpoint;
  readonly relayed: TransportAddress;
  readonly stream: number;
}

/** A client with an allocation and a channel to `host`, behind the connection of that number. */
export async function bound(
  world: StreamWorld,
  at: TransportAddress = world.listener4,
): Promise<Bound> {
  const client = new TurnClient(await world.endpoint(), at);
  await client.challenge();
  const host = await world.endpoint();
  const { relayed } = await client.allocate();
  await client.bind(0x4000, host.address);
  return { client, host, relayed, stream: world.streamOf(client.endpoint.address, at) };
}

export async function inWorld(
  body: (world: StreamWorld) => Promise<void>,
  options: WorldOptions = {},
): Promise<void> {
  const world = new StreamWorld(options);
  await body(world);
  await world.close();
}

/** What was said about a stream since the last time. */
export function saidOf(world: StreamWorld, stream: number): TurnStreamEvent[] {
  return world.said.splice(0).filter((event) => event.stream === stream);
}

export function bytesIn(events: readonly TurnStreamEvent[]): number {
  return events.reduce(
    (sum, each) => sum + (each.type === 'turn.bytes' ? each.bytes.length : 0),
    0,
  );
}

/** TurnStreams beside those of a world, with events that nobody answers. */
export class Separate {
  readonly world: CoreWorld;
  readonly events: TurnStreamEvent[] = [];
  readonly streams: TurnStreams;

  constructor(world: CoreWorld) {
    this.world = world;
    const { server, engine, options } = world;
    const { channelNumberMax } = options;
    const emit = (event: TurnStreamEvent): void => void this.events.push(event);
    this.streams = new TurnStreams({ server, engine, channelNumberMax, emit });
  }

  open(stream: number, local: StreamEndpoint, remote: StreamEndpoint): void {
    const open = { type: 'turn.open', transport: 'tls', stream, local, remote } as const;
    this.streams.onCommand(open, this.world.engine.now);
  }

  bytes(stream: number, bytes: Uint8Array): void {
    this.streams.onCommand({ type: 'turn.bytes', stream, bytes }, this.world.engine.now);
    this.world.engine.run();
  }
}
