// The metrics of webhooks and of the audit log, each absent where there are none.
// Called by: metric-families.ts, which has them among its own.

import type { AuditStats } from './audit/audit-log.ts';
import type { MetricFamily } from './metric-families.ts';
import { DELIVERY_OUTCOMES } from './webhooks/receiver.ts';
import type { WebhookStats } from './webhooks/webhooks.ts';

export const OVERSIGHT_METRIC_FAMILIES: readonly MetricFamily[] = [
  {
    name: 'sterna_webhook_deliveries_total',
    type: 'counter',
    help: 'Webhooks that were delivered, or given up, by what became of them',
    labels: ['outcome'],
    samples: ({ webhooks }) =>
      webhooks === undefined
        ? []
        : DELIVERY_OUTCOMES.map((outcome) => ({
            labels: { outcome },
            value: webhooks.outcomes[outcome],
          })),
  },
  {
    name: 'sterna_webhook_retries_total',
    type: 'counter',
    help: 'Tries to deliver a webhook that failed and were followed by another one',
    ...ofWebhooks(({ retries }) => retries),
  },
  {
    name: 'sterna_webhook_queued',
    type: 'gauge',
    help: 'Webhooks that wait or are under way, over all receivers',
    ...ofWebhooks(({ queued }) => queued),
  },
  {
    name: 'sterna_webhook_queue_age_seconds',
    type: 'gauge',
    help: 'How long the oldest of them has been there',
    ...ofWebhooks(({ ageMs }) => ageMs / 1000),
  },
  {
    name: 'sterna_audit_records_total',
    type: 'counter',
    help: 'Records of the audit log',
    ...ofAudit(({ records }) => records),
  },
  {
    name: 'sterna_audit_failures_total',
    type: 'counter',
    help: 'Attempts to write to the audit log that failed; what was to be written is tried again',
    ...ofAudit(({ failures }) => failures),
  },
  {
    name: 'sterna_audit_lost_records_total',
    type: 'counter',
    help: 'Records that found no room while the audit log could not be written',
    ...ofAudit(({ lost }) => lost),
  },
];

type Values = Pick<MetricFamily, 'labels' | 'samples'>;

function ofWebhooks(read: (webhooks: WebhookStats) => number): Values {
  return {
    labels: [],
    samples: ({ webhooks }) =>
      webhooks === undefined ? [] : [{ labels: {}, value: read(webhooks) }],
  };
}

function ofAudit(read: (audit: AuditStats) => number): Values {
  return {
    labels: [],
    samples: ({ audit }) => (audit === undefined ? [] : [{ labels: {}, value: read(audit) }]),
  };
}
