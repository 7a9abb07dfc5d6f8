// Two TURN servers of one process, as two media workers run them: their commons, a listener each, and a neighbour
// between them that hands datagrams over as it will.
/* oxlint-disable vitest/valid-title, vitest/expect-expect -- the callers write both */

import { describe, it } from 'vitest';
import { HandOver } from '../../../shared/net/hand-over.ts';
import type { TransportAddress } from '../../../shared/net/transport-address.ts';
import { Commons, type Neighbours, type TurnServer } from '../../../turn/index.ts';
import { CoreWorld } from './core-world.ts';
import { UdpWorld } from './udp-world.ts';
import { freePorts } from '../free-ports.ts';
import { commonsMemory, RELAYS, type World, type WorldOptions } from './world.ts';

const OFFSET = 7;
const DIRT = 0xdd;

/** Hands datagrams over in memory that is scribbled over afterwards, as a ring between threads would be. */
class Handover implements Neighbours {
  readonly servers: TurnServer[] = [];
  /** Where the workers answer themselves, as each of them knows it. */
  readonly inside: readonly HandOver[];
  /** Takes nothing while set. */
  busy = false;
  /** The worker that each was for. */
  readonly forwarded: number[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
    const memory = HandOver.memory(2);
    this.inside = [0, 1].map(
      (self) => new HandOver(memory, self, (...datagram) => this.forward(...datagram)),
    );
  }

  forward(
    worker: number,
    from: TransportAddress,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): boolean {
    if (this.busy) return false;
    this.forwarded.push(worker);
    const copy = new Uint8Array(OFFSET + length + OFFSET).fill(DIRT);
    copy.set(bytes.subarray(offset, offset + length), OFFSET);
    const [lentFrom, lentTo] = [from.copy(), to.copy()];
    const lent = [lentFrom, lentTo, copy, OFFSET, length, this.#now()] as const;
    if (!this.inside[worker]!.take(...lent)) this.servers[worker]!.fromNeighbour(...lent);
    copy.fill(DIRT);
    lentFrom.setV4(0xdead, 0xdead);
    lentTo.setV4(0xdead, 0xdead);
    return true;
  }
}

export interface TwoWorkers<W extends World = World> {
  /** Workers 0 and 1. */
  readonly a: W;
  readonly b: W;
  /** The commons as the main thread has them. */
  readonly main: Commons;
  readonly handover: Handover;
  /** Of the relays. */
  readonly ports: { readonly first: number; readonly last: number } | undefined;
}

/** What a test of two workers may ask for. */
export interface TwoOptions extends WorldOptions {
  /** They do not know each other: what goes from one to the other goes through the kernel. */
  readonly strangers?: boolean;
  /** So many relay ports, instead of `ports`; ones that are free where the system gives them. */
  readonly portCount?: number;
}

async function start<W extends World>(
  { strangers = false, portCount: _portCount, ...options }: TwoOptions,
  open: (options: WorldOptions, beside: W | undefined) => Promise<W>,
): Promise<TwoWorkers<W>> {
  const memory = commonsMemory(options, 2);
  const handover = new Handover(() => a.options.clock.monotonic());
  const openOne = (self: number, beside: W | undefined): Promise<W> =>
    open(
      {
        ...(strangers ? {} : { neighbours: handover, handOver: handover.inside[self] }),
        ...options,
        commons: new Commons(memory, self),
      },
      beside,
    );
  const a: W = await openOne(0, undefined);
  const b = await openOne(1, a);
  handover.servers.push(a.server, b.server);
  return { a, b, main: new Commons(memory, 2), handover, ports: options.ports };
}

const CORE_PORTS_FROM = 52_000;

export function twoCores(asked: TwoOptions = {}): Promise<TwoWorkers<CoreWorld>> {
  const options = withPorts(asked, CORE_PORTS_FROM);
  return start<CoreWorld>(options, (each, beside) => Promise.resolve(new CoreWorld(each, beside)));
}

function withPorts(options: TwoOptions, first: number): TwoOptions {
  const { portCount } = options;
  return portCount === undefined
    ? options
    : { ...options, ports: { first, last: first + portCount - 1 } };
}

async function twoOn(kind: 'portable' | 'linux', asked: TwoOptions): Promise<TwoWorkers> {
  const { portCount } = asked;
  const options =
    portCount === undefined ? asked : withPorts(asked, await freePorts(RELAYS, portCount));
  return start<World>(options, (each) => UdpWorld.open(kind, each));
}

async function inside<W extends World>(
  two: TwoWorkers<W>,
  body: (two: TwoWorkers<W>) => Promise<void>,
): Promise<void> {
  const { a, b } = two;
  try {
    await body(two);
  } catch (error) {
    await Promise.allSettled([a.close(), b.close()]);
    throw error;
  }
  a.server.close();
  b.server.close();
  await a.close();
  await b.close();
}

/** On the core alone, where time is under the test's control. */
export function onTwoCores(
  title: string,
  body: (two: TwoWorkers<CoreWorld>) => Promise<void>,
  options: TwoOptions = {},
): void {
  it(title, async () => inside(await twoCores(options), body));
}

/** On the core and on the Linux engine, each worker with an engine of its own. */
export function onTwo(
  title: string,
  body: (two: TwoWorkers) => Promise<void>,
  options: TwoOptions = {},
): void {
  describe('core', () => {
    it(title, async () => inside(await twoCores(options), body));
  });
  if (process.platform !== 'linux') return;
  describe('linux', () => {
    it(title, async () => inside(await twoOn('linux', options), body));
  });
}

/** On the portable engine, whose sockets cannot go from one thread to another. */
export function onTwoPortable(
  title: string,
  body: (two: TwoWorkers) => Promise<void>,
  options: TwoOptions = {},
): void {
  describe('portable', () => {
    it(title, async () => inside(await twoOn('portable', options), body));
  });
}

/** Once nothing is on its way between the two any more. */
export async function settled(a: World, b: World): Promise<void> {
  await a.settle();
  await b.settle();
  await a.settle();
}
