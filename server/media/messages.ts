// What the main thread and a media worker say to each other: structured clones, one type each way.

import type { MessagePort } from 'node:worker_threads';
import type { EngineCounters } from '../../shared/net/engine.ts';
import type { MailroomMemory } from '../../shared/net/mailroom.ts';
import type { CommonsMemory, TurnStats } from '../../turn/index.ts';
import type { TurnSettings } from './turn-options.ts';

/** What a worker starts with. */
export interface MediaWorkerData {
  port: MessagePort;
  /** Its number, from 0. */
  index: number;
  settings: TurnSettings;
  commons: CommonsMemory;
  /** Whether anybody reads what is logged as `info`: an allocation must not pay for lines that nobody sees. */
  logsInfo: boolean;
  /** For the Linux engine; without it the portable one runs. */
  linux: LinuxWorkerData | undefined;
}

/** Descriptors are the process's: what one thread opened another may use by its number. */
export interface LinuxWorkerData {
  /** One eventfd for each worker. */
  wakeFds: readonly number[];
  descriptors: SharedArrayBuffer;
  mail: MailroomMemory;
  /** Where the workers answer themselves. */
  handOver: SharedArrayBuffer;
  /** This worker's socket of each listener, in the order of the configuration. */
  listeners: readonly number[];
  cpu: number | undefined;
}

/** From the main thread; `at` is when it said so, monotonic milliseconds. */
export type MediaCommand = { type: 'stats'; id: number } | { type: 'stop'; at: number };

export interface WorkerStats {
  engine: { kind: string } & EngineCounters;
  turn: TurnStats;
}

/** A listener that is open, or why it is not. `url` is `udp://address:port`, with the real port once open. */
export interface ListenerState {
  url: string;
  failure?: 'in-use' | 'unavailable';
}

/** From a media worker. */
export type MediaEvent =
  | { type: 'listening'; listeners: ListenerState[] }
  | { type: 'stats'; id: number; stats: WorkerStats }
  | {
      type: 'log';
      level: 'info' | 'error';
      event: string;
      fields: Record<string, unknown>;
    };
