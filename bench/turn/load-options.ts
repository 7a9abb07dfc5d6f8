// What the load generator is told, and what it prints: flags in, one line of JSON out.
// Shared by the generator's process and by the bench that starts it.

import { parseArgs } from 'node:util';

/**
 * `relay`: packets between clients and peers, closed loop. `paced`: the same at a fixed rate, for latencies. `counted`:
 * so many packets, with a wait for a line of input before and after them. `echo`: no TURN, against a sink that sends
 * everything back. `setup`: allocations made and given up. `idle`: allocations that do nothing.
 */
export const LOAD_MODES = ['relay', 'paced', 'counted', 'echo', 'setup', 'idle'] as const;
export type LoadMode = (typeof LOAD_MODES)[number];

/** By channels, by Send and Data indications, or by channels between two clients of the server. */
export const LOAD_METHODS = ['channel', 'send', 'pairs'] as const;
export type LoadMethod = (typeof LOAD_METHODS)[number];

/**
 * How a closed loop goes on. `rolling`: a lane sends its next burst when the last has arrived. `rounds`: all lanes send
 * one when nothing is under way. `turns`: one flow after the other sends one each way when nothing is under way.
 */
export const FILLS = ['rolling', 'rounds', 'turns'] as const;
export type Fill = (typeof FILLS)[number];

/** What the generator prints in mode `counted` when it waits for a line. */
export const READY = 'ready';

export interface LoadOptions {
  readonly mode: LoadMode;
  /** UDP port of the server on 127.0.0.1, and its process. */
  readonly port: number;
  readonly pid: number;
  /** Clients with a peer each; pairs of clients; concurrent or idle allocations. */
  readonly flows: number;
  /** Packets that a flow sends at once, in each direction. */
  readonly burst: number;
  /** Payload of a packet. */
  readonly bytes: number;
  readonly method: LoadMethod;
  readonly fill: Fill;
  /** The first port of our own sockets, which then count up; one that is in use is left out. */
  readonly firstPort: number;
  readonly warmMs: number;
  readonly measureMs: number;
  /** Packets a second, both directions and all flows together; for the paced modes. */
  readonly rate: number;
  /** To be relayed in mode `counted`. */
  readonly packets: number;
}

/** One field each for what a mode measures; 0 for what it does not. */
export interface LoadResult {
  sent: number;
  received: number;
  /** Payloads that came back changed, or to the wrong socket. */
  wrong: number;
  /** Of the time that is measured. */
  packets: number;
  seconds: number;
  serverCpuNs: number;
  ownCpuNs: number;
  /** CPU time of everything else on the machine meanwhile, by the time: 1 = a core of it. */
  others: number;
  /** One way through the server, microseconds. */
  p50: number;
  p99: number;
  p999: number;
  /** Allocations made and given up within `seconds`, and those that failed. */
  allocations: number;
  failures: number;
  /** Growth of the server's resident memory. */
  bytesPerAllocation: number;
}

export function emptyResult(): LoadResult {
  return {
    sent: 0,
    received: 0,
    wrong: 0,
    packets: 0,
    seconds: 0,
    serverCpuNs: 0,
    ownCpuNs: 0,
    others: 0,
    p50: 0,
    p99: 0,
    p999: 0,
    allocations: 0,
    failures: 0,
    bytesPerAllocation: 0,
  };
}

/** Reads what the generator printed. Throws Error when it is something else. */
export function readResult(line: string): LoadResult {
  const result = emptyResult();
  const printed: unknown = JSON.parse(line);
  if (typeof printed !== 'object' || printed === null)
    throw new Error('the load printed no result');
  for (const [name, value] of Object.entries(printed)) {
    if (name in result && typeof value === 'number') Object.assign(result, { [name]: value });
  }
  return result;
}

export function loadArguments(options: LoadOptions): string[] {
  return Object.entries(options).map(([name, value]) => `--${name}=${value}`);
}

export function parseLoadArguments(args: string[]): LoadOptions {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args,
    options: {
      mode: { ...text, default: 'relay' },
      port: text,
      pid: text,
      flows: { ...text, default: '16' },
      burst: { ...text, default: '8' },
      bytes: { ...text, default: '1000' },
      method: { ...text, default: 'channel' },
      fill: { ...text, default: 'rolling' },
      firstPort: { ...text, default: '33000' },
      warmMs: { ...text, default: '500' },
      measureMs: { ...text, default: '1000' },
      rate: { ...text, default: '10000' },
      packets: { ...text, default: '10000' },
    },
  });
  return {
    mode: oneOf(LOAD_MODES, 'mode', values.mode),
    port: positive('port', values.port),
    pid: positive('pid', values.pid),
    flows: positive('flows', values.flows),
    burst: positive('burst', values.burst),
    bytes: positive('bytes', values.bytes),
    method: oneOf(LOAD_METHODS, 'method', values.method),
    fill: oneOf(FILLS, 'fill', values.fill),
    firstPort: positive('firstPort', values.firstPort),
    warmMs: positive('warmMs', values.warmMs),
    measureMs: positive('measureMs', values.measureMs),
    rate: positive('rate', values.rate),
    packets: positive('packets', values.packets),
  };
}

/** Throws Error that names the flag. */
export function oneOf<Name extends string>(
  names: readonly Name[],
  flag: string,
  value: string,
): Name {
  const name = names.find((candidate) => candidate === value);
  if (name === undefined) throw new Error(`--${flag} is one of ${names.join(', ')}`);
  return name;
}

export function positive(name: string, value: string | undefined): number {
  const number = Number(value);
  if (!(number > 0)) throw new Error(`--${name} must be a number above 0`);
  return number;
}
