// What the server of a soak holds when nobody is there, to be compared with what it held before; and what its log
// complains of.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Sterna } from '../e2e/sterna.ts';
import { Inspector } from '../fault/inspector.ts';
import { metrics, openDescriptors, residentMiB } from '../fault/server-state.ts';

const MIB = 1024 * 1024;
const EXPECTED: ReadonlySet<string> = new Set([
  'config.warning',
  'media.exited',
  'media.lost',
  'media.unresponsive',
]);
/** All that has to be as before when everybody has left. */
const GAUGES = [
  'sterna_participants',
  'sterna_participants_away',
  'sterna_rooms',
  'sterna_signaling_sockets',
  'sterna_sfu_rooms',
  'sterna_sfu_transports',
  'sterna_sfu_publications',
  'sterna_sfu_slots',
  'sterna_sfu_streams',
  'sterna_media_sockets',
  'sterna_turn_allocations',
] as const;

export interface State {
  readonly gauges: Readonly<Record<string, number>>;
  readonly descriptors: number;
  /** Of packets that may be sent again; each worker keeps a MiB to spare. */
  readonly poolMiB: number;
  readonly heapsMiB: readonly number[];
  readonly residentMiB: number;
}

/** What it still knows of; empty for nothing. */
export async function leftAt(sterna: Sterna): Promise<string> {
  const read = await metrics(sterna);
  return GAUGES.filter((name) => name !== 'sterna_media_sockets' && read(name) !== 0)
    .map((name) => `${name} ${read(name)}`)
    .join(', ');
}

/**
 * Garbage is collected before. Waits a while until there are no more descriptors than that: connections that we have
 * closed are open at the server's side for a moment.
 */
export async function stateOf(
  sterna: Sterna,
  workers: number,
  descriptors = Infinity,
): Promise<State> {
  const inspector = await Inspector.attach(sterna, workers);
  const heapsMiB = [await inspector.heapOfMain()];
  for (let i = 0; i < workers; i++) heapsMiB.push(await inspector.heapOfWorker(i));
  inspector.close();
  await sleep(500);
  for (let i = 0; i < 20 && openDescriptors(sterna) > descriptors; i++) await sleep(200);
  const read = await metrics(sterna);
  return {
    gauges: Object.fromEntries(GAUGES.map((name) => [name, read(name)])),
    descriptors: openDescriptors(sterna),
    poolMiB: read('sterna_sfu_payload_bytes') / MIB,
    heapsMiB: heapsMiB.map((bytes) => bytes / MIB),
    residentMiB: residentMiB(sterna),
  };
}

/** What the log complains of and a worker that we have killed does not explain. */
export function complaintsOf(sterna: Sterna): string[] {
  return sterna.output.split('\n').filter((line) => {
    const event = /"event":"([^"]*)"/.exec(line)?.[1] ?? '';
    if (!/"level":"(?:warn|error|fatal)"/.test(line) || EXPECTED.has(event)) return false;
    return event !== 'media.crashed' || !line.includes('killed by a test');
  });
}
