// The engine of a media worker, and its way to the other workers of the process.

import type { EngineLoop, EngineOptions } from '../../shared/net/engine.ts';
import { PortableEngine } from '../../shared/net/portable-engine.ts';
import type { Neighbours, TurnServer } from '../../turn/index.ts';
import type { LinuxWorkerData } from './messages.ts';

export interface WorkerEngine {
  readonly engine: EngineLoop;
  readonly neighbours: Neighbours | undefined;
  /** Names the server that takes what the neighbours send. */
  readonly serve: (server: TurnServer) => void;
}

export function portableWorkerEngine(options: EngineOptions): WorkerEngine {
  return { engine: new PortableEngine(options), neighbours: undefined, serve: () => undefined };
}

/** Takes over this worker's listeners, and pins its thread where that is asked for. */
export async function linuxWorkerEngine(
  data: LinuxWorkerData,
  index: number,
  options: EngineOptions,
): Promise<WorkerEngine> {
  const { LinuxEngine } = await import('../../shared/net/linux-engine.ts');
  const { DescriptorLedger } = await import('../../shared/net/descriptor-ledger.ts');
  const { pinThread } = await import('../../shared/native/affinity.ts');
  if (data.cpu !== undefined) pinThread(data.cpu);
  const { wakeFds, descriptors } = data;
  const ledger = new DescriptorLedger(descriptors, index);
  const engine = new LinuxEngine(options, wakeFds[index] ?? -1, ledger);
  return { engine, neighbours: undefined, serve: () => undefined };
}
