// The SFU bench's load, a process of its own pinned to its own core: publishers and subscribers of libdatachannel, who
// join, send for a while and count. Prints one line of JSON (LoadResult).
// Started by the bench; by hand: node dist/bench/sfu/load.js '{"endpoint": ...}'.

import { setTimeout as sleep } from 'node:timers/promises';
import { median } from '../percentiles.ts';
import { residentBytes } from '../turn/process-stat.ts';
import { Latencies } from '../../server/load/latencies.ts';
import { type LoadOptions, type LoadResult, parseLoadArguments } from './load-options.ts';
import { atMost, inTime, measure } from './pace.ts';
import { Publisher } from './publisher.ts';
import { Pump } from './pump.ts';
import { type Signaling, signalingFor } from './signaling.ts';
import { Subscriber, type Tally } from './subscriber.ts';

/** The first join one after the other, and are timed; the rest so many at once. */
const TIMED_JOINS = 5;
const JOINS_AT_ONCE = 8;
/** Before the server's memory without subscribers is looked at. */
const SETTLE_MS = 1000;
/** What is under way when the time is over still counts, until nothing more has come for so long. */
const QUIET_MS = 500;
const LOOK_EVERY_MS = 20;

async function load(options: LoadOptions): Promise<LoadResult> {
  const { endpoint, address, shape, pid, warmMs, measureMs } = options;
  const signaling = await signalingFor(endpoint, address);
  const publishers = Array.from({ length: shape.publishers }, (_, i) => new Publisher(i, shape));
  await atMost(JOINS_AT_ONCE, publishers, async (publisher) => {
    await inTime('publish', signaling.publish(publisher));
  });
  const pump = new Pump();
  pump.start(publishers);
  await sleep(SETTLE_MS);
  const emptyBytes = memoryOf(pid);
  const tally: Tally = { received: 0, disordered: 0, wrong: 0, latencies: new Latencies() };
  const subscribers = shape.subscriptions.map((publisher, i) => {
    return new Subscriber(i, publishers[publisher]!, tally);
  });
  const times = await joinAll(signaling, subscribers, pump);
  await sleep(warmMs);
  pump.behindMs = 0;
  const flows = publishers.flatMap((publisher) => publisher.flows);
  for (const flow of flows) flow.startCounting();
  const spent = await measure(pid, measureMs, () => {
    for (const flow of flows) flow.stopCounting();
  });
  const { behindMs } = pump;
  const bytesPerSubscription = (memoryOf(pid) - emptyBytes) / subscribers.length;
  const expected = sum(
    subscribers.flatMap(({ publisher }) => publisher.flows.map(({ counted }) => counted)),
  );
  await drain(tally, expected);
  pump.stop();
  await signaling.close();
  const { received, disordered, wrong, latencies } = tally;
  return {
    sent: sum(flows.map(({ counted }) => counted)),
    expected,
    received,
    disordered,
    wrong,
    ...spent,
    p50: latencies.percentile(0.5),
    p99: latencies.percentile(0.99),
    behindMs,
    bytesPerSubscription,
    ...times,
    keyFrames: sum(flows.map(({ keyFrames }) => keyFrames)),
  };
}

async function joinAll(
  signaling: Signaling,
  subscribers: readonly Subscriber[],
  pump: Pump,
): Promise<Pick<LoadResult, 'firstPacketMs' | 'firstKeyFrameMs'>> {
  const firstPackets: number[] = [];
  const firstKeyFrames: number[] = [];
  const join = async (subscriber: Subscriber): Promise<void> => {
    const asked = performance.now();
    await inTime('subscribe', signaling.subscribe(subscriber));
    await inTime('receive a key frame', subscriber.ready);
    pump.add(subscriber);
    firstPackets.push(subscriber.firstPacketAt - asked);
    firstKeyFrames.push(subscriber.firstKeyFrameAt - asked);
  };
  for (const subscriber of subscribers.slice(0, TIMED_JOINS)) await join(subscriber);
  await atMost(JOINS_AT_ONCE, subscribers.slice(TIMED_JOINS), join);
  return {
    firstPacketMs: median(firstPackets.slice(0, TIMED_JOINS)),
    firstKeyFrameMs: median(firstKeyFrames.slice(0, TIMED_JOINS)),
  };
}

async function drain(tally: Tally, expected: number): Promise<void> {
  let { received } = tally;
  for (let quietMs = 0; quietMs < QUIET_MS && received < expected; quietMs += LOOK_EVERY_MS) {
    await sleep(LOOK_EVERY_MS);
    if (tally.received !== received) quietMs = 0;
    ({ received } = tally);
  }
}

function memoryOf(pid: number): number {
  return pid === 0 ? 0 : residentBytes(pid);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

const result = await load(parseLoadArguments(process.argv.slice(2)));
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
