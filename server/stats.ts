// What a server tells of itself when it is asked: the one value that the metrics are made from.

import type { EngineChoice } from '../shared/net/engine-choice.ts';
import type { SignalingStats } from '../signaling/index.ts';
import type { MediaStats } from './media/messages.ts';

export interface ServerStats {
  signaling: SignalingStats;
  /** Undefined until the engine is chosen. */
  engine: EngineChoice | undefined;
  /** Undefined while no media worker answers. */
  media: MediaStats | undefined;
  /** How often a media worker died and another was started in its place. */
  mediaRestarts: number;
}
