// What relayed packets cost the heap of the media worker: what they leave behind, what they allocate and where, and the
// collections that this takes. The server is `sterna serve`, the load another process.
// Called by the heap bench.

import { z } from 'zod';
import { LoadProcess } from './load-process.ts';
import type { LoadMethod } from './load-options.ts';
import { start, sterna } from './servers.ts';
import { INSPECTED, WorkerInspector } from './worker-inspector.ts';

/** What is relayed while the heap is watched. */
export interface HeapCell {
  readonly method: LoadMethod;
  readonly flows: number;
  readonly burst: number;
  readonly bytes: number;
  readonly packets: number;
}

/** A function that allocates, and how much a packet. */
export interface Allocator {
  readonly name: string;
  readonly bytes: number;
}

/** Bytes are per packet. */
export interface HeapFigure {
  readonly cell: HeapCell;
  readonly packets: number;
  readonly lost: number;
  /** Growth of heap and external memory, both after a full collection. */
  readonly retained: number;
  readonly allocated: number;
  /** Collections of the young generation, and of all. */
  readonly scavenges: number;
  readonly fullCollections: number;
  /** The most first; sampled. */
  readonly allocators: readonly Allocator[];
}

/** Samples of a run that allocates a byte for each packet. */
const SAMPLES = 1000;
const SAMPLE_BYTES_MIN = 256;
const ALLOCATORS_MAX = 8;

/** Both end with the collector's work done and nothing of theirs left to be collected. */
const BEGIN = `(() => {
  gc();
  const { heapUsed, external } = process.memoryUsage();
  globalThis.collections = new (process.getBuiltinModule('node:v8').GCProfiler)();
  globalThis.collections.start();
  return { used: heapUsed, kept: heapUsed + external };
})()`;
const END = `(() => {
  const used = process.memoryUsage().heapUsed;
  const collections = globalThis.collections.stop().statistics.map((collection) => ({
    kind: collection.gcType,
    before: collection.beforeGC.heapStatistics.usedHeapSize,
    after: collection.afterGC.heapStatistics.usedHeapSize,
  }));
  delete globalThis.collections;
  gc();
  const { heapUsed, external } = process.memoryUsage();
  return { used, kept: heapUsed + external, collections };
})()`;

const begun = z.object({ used: z.number(), kept: z.number() });
const ended = z.object({
  ...begun.shape,
  collections: z.array(z.object({ kind: z.string(), before: z.number(), after: z.number() })),
});

interface ProfileNode {
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly selfSize: number;
  readonly children: readonly ProfileNode[];
}
const node: z.ZodType<ProfileNode> = z.object({
  callFrame: z.object({ functionName: z.string(), url: z.string() }),
  selfSize: z.number(),
  get children() {
    return z.array(node);
  },
});
const profile = z.object({ profile: z.object({ head: node }) });

/** Starts a server, relays the packets, stops the server. */
export async function measureHeap(cell: HeapCell): Promise<HeapFigure> {
  const server = await start(sterna({ engine: 'linux', workers: 1, nodeFlags: INSPECTED }));
  try {
    const load = new LoadProcess({ ...REST, ...cell, port: server.port, pid: server.pid });
    try {
      await load.ready();
      return await watch(await WorkerInspector.connect(server), load, cell);
    } finally {
      await load.stop();
    }
  } finally {
    await server.stop();
  }
}

/** What a counted run does not use. */
const REST = { mode: 'counted', fill: 'rolling', warmMs: 1, measureMs: 1, rate: 1 } as const;

async function watch(
  worker: WorkerInspector,
  load: LoadProcess,
  cell: HeapCell,
): Promise<HeapFigure> {
  try {
    // Once for nothing, so that nothing of the probe itself is compiled or loaded while it counts.
    await worker.evaluate(BEGIN);
    await worker.evaluate(END);
    await worker.post('HeapProfiler.startSampling', {
      samplingInterval: Math.max(SAMPLE_BYTES_MIN, Math.round(cell.packets / SAMPLES)),
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    });
    const before = begun.parse(await worker.evaluate(BEGIN));
    load.goOn();
    await load.ready();
    const after = ended.parse(await worker.evaluate(END));
    const { head } = profile.parse(await worker.post('HeapProfiler.stopSampling')).profile;
    load.goOn();
    const { packets, sent, received } = await load.result();
    const count = (kind: RegExp): number =>
      after.collections.filter((collection) => kind.test(collection.kind)).length;
    return {
      cell,
      packets,
      lost: Math.max(0, sent - received),
      retained: (after.kept - before.kept) / packets,
      allocated: allocatedBetween(before.used, after) / packets,
      scavenges: count(/^(?:Scavenge|Minor)/),
      fullCollections: count(/^MarkSweep/),
      allocators: allocatorsOf(head, packets),
    };
  } finally {
    worker.close();
  }
}

/** The heap's growth up to each collection, and since the last. */
function allocatedBetween(begin: number, end: z.output<typeof ended>): number {
  let from = begin;
  let allocated = 0;
  for (const { before, after } of end.collections) {
    allocated += before - from;
    from = after;
  }
  return allocated + end.used - from;
}

function allocatorsOf(head: ProfileNode, packets: number): Allocator[] {
  const bytes = new Map<string, number>();
  const add = (at: ProfileNode, caller: string): void => {
    const name = nameOf(at, caller);
    if (at.selfSize > 0) bytes.set(name, (bytes.get(name) ?? 0) + at.selfSize / packets);
    for (const child of at.children) add(child, name);
  };
  add(head, '');
  const all = [...bytes].map(([name, size]) => ({ name, bytes: size }));
  return all.toSorted((a, b) => b.bytes - a.bytes).slice(0, ALLOCATORS_MAX);
}

/** A function of the language is told by who called it. */
function nameOf({ callFrame: { functionName, url } }: ProfileNode, caller: string): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url === '') return caller === '' ? name : `${name} in ${caller}`;
  return `${name} (${url.replace(/^.*\/dist\//, '')})`;
}
