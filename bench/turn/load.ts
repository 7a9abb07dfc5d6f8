// The load generator, a process of its own pinned to its own core: batched like the server it measures, on the
// same engine. Prints one line of JSON (LoadResult).
// Started by the TURN bench; by hand: node dist/bench/turn/load.js --port --pid ...

import { once } from 'node:events';
import { LinuxEngine } from '../../shared/net/linux-engine.ts';
import { Wake } from '../../shared/net/wake.ts';
import { idleBytes, Newcomers } from './allocations.ts';
import { echoFlows, giveUpAll, pairedFlows, relayFlows } from './flows.ts';
import {
  emptyResult,
  type LoadOptions,
  type LoadResult,
  parseLoadArguments,
  READY,
} from './load-options.ts';
import { PAYLOAD_BYTES_MIN } from './lane.ts';
import { cpuNanoseconds, machineNanoseconds } from './process-stat.ts';
import { loopback, Sockets } from './sockets.ts';
import { Traffic } from './traffic.ts';
import type { TurnClient } from './turn-client.ts';

const engine = new LinuxEngine(
  {
    now: () => performance.now(),
    onFault(error) {
      throw error;
    },
  },
  new Wake().fd,
);

/** Packets that go before those that are counted, at most: the server's code is compiled by then. */
const WARM_PACKETS_MAX = 1_000_000;

async function load(options: LoadOptions): Promise<LoadResult> {
  const sockets = new Sockets(engine, options.firstPort);
  if (options.mode === 'setup') return setup(options, sockets);
  if (options.mode === 'idle') return idle(options, sockets);
  if (options.mode === 'counted') return counted(options, sockets);
  return traffic(options, sockets);
}

async function idle({ port, pid, flows }: LoadOptions, sockets: Sockets): Promise<LoadResult> {
  const bytesPerAllocation = await idleBytes(sockets, loopback(port), pid, flows);
  return { ...emptyResult(), bytesPerAllocation };
}

function setup(options: LoadOptions, sockets: Sockets): LoadResult {
  const { port, pid, flows, warmMs, measureMs } = options;
  const newcomers = new Newcomers(sockets, loopback(port), flows);
  newcomers.runFor(warmMs);
  const result = emptyResult();
  const { made, failed } = newcomers;
  measure(result, pid, () => newcomers.runFor(measureMs));
  result.allocations = newcomers.made - made;
  result.failures = newcomers.failed - failed;
  newcomers.stop();
  return result;
}

function traffic(options: LoadOptions, sockets: Sockets): LoadResult {
  const { mode, fill, pid, warmMs, measureMs, rate } = options;
  const packets = trafficOf(options);
  const clients = flowsOf(options, sockets, packets);
  const result = emptyResult();
  const paced = mode === 'paced';
  const run = (durationMs: number, timed: boolean): void => {
    const end = performance.now() + durationMs;
    if (paced) packets.pace(durationMs, rate, timed);
    else packets.flood(fill, (now) => now >= end);
  };
  run(warmMs, false);
  packets.drain();
  packets.startCounting();
  measure(result, pid, () => {
    run(measureMs, true);
    result.packets = packets.received;
  });
  packets.drain();
  count(packets, result);
  const [p50, p99, p999] = packets.percentiles([0.5, 0.99, 0.999]);
  Object.assign(result, { p50, p99, p999 });
  giveUpAll(engine, clients);
  return result;
}

/** Between the two lines of input the server relays that many packets, and does nothing else. */
async function counted(options: LoadOptions, sockets: Sockets): Promise<LoadResult> {
  const { fill, pid } = options;
  const packets = trafficOf(options);
  const clients = flowsOf(options, sockets, packets);
  const relay = (most: number): void => {
    packets.startCounting();
    packets.flood(fill, () => packets.received >= most);
    packets.drain();
  };
  relay(Math.min(WARM_PACKETS_MAX, options.packets));
  const result = emptyResult();
  await told();
  measure(result, pid, () => relay(options.packets));
  result.packets = packets.received;
  count(packets, result);
  await told();
  giveUpAll(engine, clients);
  return result;
}

/** Says that it is ready, and waits for a line. */
async function told(): Promise<void> {
  process.stdout.write(`${READY}\n`);
  await once(process.stdin, 'data');
}

function trafficOf({ bytes, burst }: LoadOptions): Traffic {
  if (bytes < PAYLOAD_BYTES_MIN) throw new Error(`--bytes is at least ${PAYLOAD_BYTES_MIN}`);
  return new Traffic(engine, bytes, burst);
}

function count({ sent, received, wrong }: Traffic, result: LoadResult): void {
  Object.assign(result, { sent, received, wrong });
}

function flowsOf(options: LoadOptions, sockets: Sockets, packets: Traffic): TurnClient[] {
  const server = loopback(options.port);
  if (options.mode === 'echo') return echoFlows(sockets, server, packets, options);
  const flows = options.method === 'pairs' ? pairedFlows : relayFlows;
  return flows(sockets, server, packets, options);
}

/** Runs it, and notes the time and the CPU time that it took. */
function measure(result: LoadResult, pid: number, act: () => void): void {
  const own = cpuNanoseconds(process.pid);
  const server = cpuNanoseconds(pid);
  const machine = machineNanoseconds();
  const start = performance.now();
  act();
  result.seconds = (performance.now() - start) / 1000;
  result.serverCpuNs = cpuNanoseconds(pid) - server;
  result.ownCpuNs = cpuNanoseconds(process.pid) - own;
  const others = machineNanoseconds() - machine - result.serverCpuNs - result.ownCpuNs;
  result.others = Math.max(0, others / 1e9 / result.seconds);
}

const result = await load(parseLoadArguments(process.argv.slice(2)));
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
