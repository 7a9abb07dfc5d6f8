// The rooms bench's load, a process of its own pinned to its own core: participants of libdatachannel who join rooms,
// publish, receive and count. Prints one line of JSON (LoadResult).
// Started by the bench; by hand: node dist/bench/rooms/load.js '{"endpoint": ...}'.

import { setTimeout as sleep } from 'node:timers/promises';
import { percentiles } from '../percentiles.ts';
import { Latencies } from '../../server/load/latencies.ts';
import { atMost, inTime, measure } from '../sfu/pace.ts';
import { Pump } from '../sfu/pump.ts';
import { paced } from '../signal/exchange.ts';
import { residentBytes } from '../turn/process-stat.ts';
import type { Tally } from './inbox.ts';
import { JanusRooms } from './janus-rooms.ts';
import { type LoadOptions, type LoadResult, parseLoadArguments } from './load-options.ts';
import { Member } from './member.ts';
import { heardBy, type RoomPlan, type Seat, seatsOf, seenBy } from './plan.ts';
import type { Rooms } from './rooms.ts';
import { SternaRooms } from './sterna-rooms.ts';

const JOINS_AT_ONCE = 8;
/** Before the server's memory without participants is looked at. */
const SETTLE_MS = 1000;
/** Well below the 50 ms that feedback waits for at least. */
const FEEDBACK_EVERY_MS = 20;

type Storm = NonNullable<LoadResult['storm']>;

async function load(options: LoadOptions): Promise<LoadResult> {
  const { pid, plan, storm, warmMs, measureMs } = options;
  const tally: Tally = {
    isOn: false,
    received: 0,
    lost: 0,
    layers: [0, 0, 0],
    wrong: 0,
    latencies: new Latencies(),
  };
  const seats = seatsOf(plan);
  const members = seats.map((seat) => new Member(seat, plan.size, tally));
  const early = members.slice(0, members.length - (storm?.joins ?? 0));
  await sleep(SETTLE_MS);
  const emptyBytes = residentBytes(pid);
  const rooms = await open(options);
  await atMost(JOINS_AT_ONCE, early, async (member) => {
    await inTime('join', rooms.join(member, seats));
    await inTime('connect', member.connected);
  });
  const pump = new Pump();
  pump.start(early);
  const feedback = setInterval(() => {
    for (const { inbox } of members) inbox.report();
  }, FEEDBACK_EVERY_MS);
  await atMost(JOINS_AT_ONCE, early, (member) => inTime('choose', rooms.choose(member, seats)));
  await sleep(warmMs);
  pump.behindMs = 0;
  const flows = members.flatMap((member) => member.flows);
  for (const flow of flows) flow.startCounting();
  tally.isOn = true;
  const late = members.slice(early.length);
  const joining = storm && joinAll(rooms, late, seats, storm.perSecond, pump);
  const spent = await measure(pid, measureMs, () => {
    for (const flow of flows) flow.stopCounting();
    tally.isOn = false;
  });
  const bytesPerParticipant = (residentBytes(pid) - emptyBytes) / members.length;
  const { behindMs } = pump;
  const joins = await joining;
  pump.stop();
  clearInterval(feedback);
  await rooms.close();
  const { received, lost, wrong, layers, latencies } = tally;
  const forwardUs = { p50: latencies.percentile(0.5), p99: latencies.percentile(0.99) };
  return {
    participants: members.length,
    ...spent,
    sent: flows.reduce((sum, { counted }) => sum + counted, 0),
    received,
    lost,
    wrong,
    layers,
    silent: silentPairs(early, seats, plan),
    forwardUs,
    behindMs,
    bytesPerParticipant,
    ...(joins === undefined ? {} : { storm: joins }),
  };
}

async function open({ endpoint, address, plan }: LoadOptions): Promise<Rooms> {
  if (endpoint.api === 'janus') return JanusRooms.open(endpoint.url, address, plan);
  return new SternaRooms(endpoint, address, plan);
}

/** Who joins sees and hears those who are there, and sends as soon as it can. */
async function joinAll(
  rooms: Rooms,
  members: readonly Member[],
  seats: readonly Seat[],
  perSecond: number,
  pump: Pump,
): Promise<Storm> {
  const times = await paced(members.length, 1000 / perSecond, async (n) => {
    const member = members[n]!;
    const asked = performance.now();
    const answerMs = await inTime('join', rooms.join(member, seats));
    void member.connected.then(() => pump.enter(member, performance.now(), 0));
    await rooms.choose(member, seats);
    const { inbox } = member;
    const came = await inTime('receive a key frame', inbox.keyFrame).then(
      () => true,
      () => false,
    );
    return {
      came,
      answerMs,
      packetMs: inbox.firstPacketAt - asked,
      keyFrameMs: inbox.firstKeyFrameAt - asked,
    };
  });
  const good = times.filter(({ came }) => came);
  return {
    answerMs: percentiles(times.map(({ answerMs }) => answerMs)),
    packetMs: percentiles(good.map(({ packetMs }) => packetMs)),
    keyFrameMs: percentiles(good.map(({ keyFrameMs }) => keyFrameMs)),
    late: times.length - good.length,
  };
}

/** Whom somebody should see, or hear speak, and got nothing of. */
function silentPairs(members: readonly Member[], seats: readonly Seat[], plan: RoomPlan): number {
  let silent = 0;
  for (const { seat, inbox } of members) {
    for (const { place } of seenBy(seat, seats)) {
      const [, ...layers] = inbox.counts.subarray(4 * place, 4 * place + 4);
      if (layers.every((count) => count === 0)) silent++;
    }
    for (const { place, speaks } of heardBy(seat, seats, plan)) {
      if (speaks && inbox.counts[4 * place] === 0) silent++;
    }
  }
  return silent;
}

const result = await load(parseLoadArguments(process.argv.slice(2)));
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
