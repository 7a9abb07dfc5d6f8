// How many media workers there are: what is configured, or what the machine and the engine give. Called by: the media
// host, the doctor.

import { availableParallelism } from 'node:os';
import type { EngineChoice } from '../../shared/net/engine-choice.ts';
import { Mailroom } from '../../shared/net/mailroom.ts';

/** 0 is one on two CPUs or fewer, else one less than there are: the main thread has work of its own. */
export function workerCount(configured: number, engine: EngineChoice): number {
  if (engine.kind !== 'linux') return 1;
  if (configured > 0) return configured;
  return Math.min(Mailroom.WORKERS_MAX, Math.max(1, availableParallelism() - 1));
}
