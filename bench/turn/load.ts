// The load generator, a process of its own pinned to its own core: batched like the server it measures, on the
// same engine. Prints one line of JSON (LoadResult).
// Started by the TURN bench; by hand: node dist/bench/turn/load.js --port --pid ...

import { LinuxEngine } from '../../shared/net/linux-engine.ts';
import { Wake } from '../../shared/net/wake.ts';
import { idleBytes, Newcomers } from './allocations.ts';
import { echoFlows, giveUpAll, loopback, pairedFlows, relayFlows } from './flows.ts';
import {
  emptyResult,
  type LoadOptions,
  type LoadResult,
  parseLoadArguments,
} from './load-options.ts';
import { PAYLOAD_BYTES_MIN } from './lane.ts';
import { cpuNanoseconds, machineNanoseconds } from './process-stat.ts';
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

async function load(options: LoadOptions): Promise<LoadResult> {
  if (options.mode === 'setup') return setup(options);
  if (options.mode !== 'idle') return traffic(options);
  const server = loopback(options.port);
  const bytesPerAllocation = await idleBytes(engine, server, options.pid, options.flows);
  return { ...emptyResult(), bytesPerAllocation };
}

function setup({ port, pid, flows, warmMs, measureMs }: LoadOptions): LoadResult {
  const newcomers = new Newcomers(engine, loopback(port), flows);
  newcomers.runFor(warmMs);
  const result = emptyResult();
  const { made, failed } = newcomers;
  measure(result, pid, () => newcomers.runFor(measureMs));
  result.allocations = newcomers.made - made;
  result.failures = newcomers.failed - failed;
  newcomers.stop();
  return result;
}

function traffic(options: LoadOptions): LoadResult {
  const { mode, pid, bytes, burst, warmMs, measureMs, rate } = options;
  if (bytes < PAYLOAD_BYTES_MIN) throw new Error(`--bytes is at least ${PAYLOAD_BYTES_MIN}`);
  const packets = new Traffic(engine, bytes, burst);
  const clients = flowsOf(options, packets);
  const result = emptyResult();
  const paced = mode === 'paced' || mode === 'pairs-paced';
  if (paced) packets.pace(warmMs, rate, false);
  else packets.flood(warmMs);
  packets.drain();
  packets.startCounting();
  measure(result, pid, () => {
    if (paced) packets.pace(measureMs, rate, true);
    else packets.flood(measureMs);
    result.packets = packets.received;
  });
  packets.drain();
  result.sent = packets.sent;
  result.received = packets.received;
  result.wrong = packets.wrong;
  const [p50, p99, p999] = packets.percentiles([0.5, 0.99, 0.999]);
  Object.assign(result, { p50, p99, p999 });
  giveUpAll(engine, clients);
  return result;
}

function flowsOf(options: LoadOptions, packets: Traffic): TurnClient[] {
  const server = loopback(options.port);
  const { mode } = options;
  if (mode === 'pairs' || mode === 'pairs-paced') {
    return pairedFlows(engine, server, packets, options);
  }
  if (mode !== 'echo') return relayFlows(engine, server, packets, options);
  echoFlows(engine, server, packets, options);
  return [];
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
