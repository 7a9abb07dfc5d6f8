// docs/metrics.md lists the metrics that there are, as the code says them, and names what their labels can be.

import { expect, test } from 'vitest';
import { METRIC_FAMILIES } from '../../server/metric-families.ts';
import { CAPABILITY_NAMES } from '../../shared/net/engine-choice.ts';
import { ICE_DROP_REASONS } from '../../sfu/ice/drop-reason.ts';
import { ROUTER_DROP_REASONS } from '../../sfu/router/drop-reason.ts';
import { MEDIA_DROP_REASONS } from '../../sfu/transport/drop-reason.ts';
import { DROP_REASONS } from '../../turn/drop-reason.ts';
import { DTLS_FAILURES } from '../../turn/dtls-failure.ts';
import { readRootFile } from './source-files.ts';

const text = readRootFile('docs/metrics.md');

test('docs/metrics.md has a row for every metric, and no other', () => {
  const rows = [...text.matchAll(/^\| `(sterna_\w+)` \| (\w+) \| (?:(\S.*?) )?\| (.+) \|$/gm)];
  expect(rows.map(([, name, type, labels, help]) => [name, type, labels ?? '', help])).toEqual(
    METRIC_FAMILIES.map(({ name, type, labels, help }) => [
      name,
      type,
      labels.map((label) => `\`${label}\``).join(', '),
      help,
    ]),
  );
  expect(text.match(/^\| `sterna_/gm)).toHaveLength(METRIC_FAMILIES.length);
});

test('docs/metrics.md names no metric that there is not', () => {
  const names = new Set(METRIC_FAMILIES.map(({ name }) => name));
  const mentioned = text.match(/\bsterna_\w+/g) ?? [];
  expect(mentioned.filter((name) => !names.has(name))).toEqual([]);
});

test('docs/metrics.md explains the reasons of drops and the capabilities', () => {
  const reasons = [...text.matchAll(/^\| `([a-z-]+)` \| [^|]+ \|$/gm)].map(([, reason]) => reason);
  expect(reasons).toEqual([
    ...DROP_REASONS,
    ...DTLS_FAILURES,
    ...ROUTER_DROP_REASONS,
    ...MEDIA_DROP_REASONS,
    ...ICE_DROP_REASONS,
  ]);
  for (const [, name] of CAPABILITY_NAMES) expect(text).toContain(`\`${name.toLowerCase()}\``);
});

test('metrics are named as Prometheus wants it: ours, counters in _total, base units', () => {
  const odd = METRIC_FAMILIES.filter(
    ({ name, type }) =>
      !/^sterna_[a-z_]+$/.test(name) ||
      name.endsWith('_total') !== (type === 'counter') ||
      /_(?:ms|millis\w*|minutes|kb|mb|percent)(?:_|$)/.test(name),
  );
  expect(odd.map(({ name }) => name)).toEqual([]);
});
