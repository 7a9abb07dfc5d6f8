// What a server tells of itself when it is asked: the one value that the metrics are made from.

import type { EngineChoice } from '../shared/net/engine-choice.ts';
import type { Latency } from '../gateway/latency.ts';
import type { SignalingStats } from '../signaling/index.ts';
import type { ClusterStats } from './cluster/cluster.ts';
import type { RateFeedStats } from './cluster/rate-feed.ts';
import type { AuditStats } from './audit/audit-log.ts';
import type { MediaReport } from './media/host.ts';
import type { WebhookStats } from './webhooks/webhooks.ts';

export interface ServerStats {
  signaling: SignalingStats;
  engine: EngineChoice;
  media: MediaReport;
  /** Undefined where this is the only node. */
  cluster: ClusterStats | undefined;
  /** Undefined where this is the only node. */
  rates: RateFeedStats | undefined;
  /** Undefined without receivers. */
  webhooks: WebhookStats | undefined;
  /** Undefined without a file. */
  audit: AuditStats | undefined;
  /** Undefined before the gateway is there. */
  http?: Latency | undefined;
}
