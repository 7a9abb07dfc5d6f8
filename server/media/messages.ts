// What the main thread and the media worker say to each other: structured clones, one type each way.

import type { MessagePort } from 'node:worker_threads';
import type { EngineCounters } from '../../shared/net/engine.ts';
import type { TurnStats } from '../../turn/index.ts';
import type { TurnSettings } from './turn-options.ts';

/** What a worker starts with. */
export interface MediaWorkerData {
  port: MessagePort;
  settings: TurnSettings;
  /** An eventfd, for the Linux engine; without it the portable one runs. */
  wakeFd: number | undefined;
}

/** From the main thread. */
export type MediaCommand = { type: 'stats'; id: number } | { type: 'stop' };

export interface MediaStats {
  engine: { kind: string } & EngineCounters;
  turn: TurnStats;
}

/** A listener that is open, or why it is not. `url` is `udp://address:port`, with the real port once open. */
export interface ListenerState {
  url: string;
  failure?: 'in-use' | 'unavailable';
}

/** From the media worker. */
export type MediaEvent =
  | { type: 'listening'; listeners: ListenerState[] }
  | { type: 'stats'; id: number; stats: MediaStats }
  | {
      type: 'log';
      level: 'info' | 'error';
      event: string;
      fields: Record<string, unknown>;
    };
