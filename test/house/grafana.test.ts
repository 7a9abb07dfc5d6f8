// deploy/grafana/sterna.json is a dashboard that Grafana takes, and names no metric and no label that there is not.

import { expect, test } from 'vitest';
import { z } from 'zod';
import { METRIC_FAMILIES } from '../../server/metric-families.ts';
import { readRootFile } from './source-files.ts';

const datasource = z.object({
  type: z.literal('prometheus'),
  uid: z.literal('${datasource}'),
});
const place = z.object({ h: z.int(), w: z.int(), x: z.int(), y: z.int() });
const panel = z.object({
  id: z.int().min(1),
  type: z.enum(['row', 'stat', 'timeseries']),
  title: z.string().min(1),
  gridPos: place,
  datasource: datasource.optional(),
  targets: z
    .array(z.object({ refId: z.string(), datasource, expr: z.string(), legendFormat: z.string() }))
    .default([]),
});
const board = z.object({
  uid: z.literal('sterna'),
  // That of Grafana 10.
  schemaVersion: z.literal(39),
  templating: z.object({ list: z.array(z.object({ name: z.string(), type: z.string() })) }),
  panels: z.array(panel),
});

const { panels, templating } = board.parse(JSON.parse(readRootFile('deploy/grafana/sterna.json')));
const graphs = panels.filter(({ type }) => type !== 'row');
const targets = graphs.flatMap((one) => one.targets);
const names = METRIC_FAMILIES.flatMap(({ name, type }) =>
  type === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name],
);

test('has every part once, and in a place of its own', () => {
  const ids = panels.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const titles = panels.map(({ title }) => title);
  expect(new Set(titles).size).toBeGreaterThan(30);
  const taken = new Set<string>();
  for (const { gridPos, title } of panels) {
    expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
    for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        expect(taken.has(`${x} ${y}`), `${title} at ${x} ${y}`).toBe(false);
        taken.add(`${x} ${y}`);
      }
    }
  }
});

test('asks the data source and the instances that are chosen', () => {
  expect(templating.list.map(({ name, type }) => [name, type])).toEqual([
    ['datasource', 'datasource'],
    ['instance', 'query'],
  ]);
  for (const { datasource: source, targets: asked, title } of graphs) {
    expect(source, title).toBeDefined();
    expect(asked.length, title).toBeGreaterThan(0);
    expect(new Set(asked.map(({ refId }) => refId)).size).toBe(asked.length);
  }
  for (const { expr } of targets) {
    const metrics = expr.match(/\bsterna_\w+/g) ?? [];
    expect(metrics.length).toBeGreaterThan(0);
    const chosen = expr.match(/\bsterna_\w+\{instance=~"\$instance"[^}]*\}/g) ?? [];
    expect(chosen.length, expr).toBe(metrics.length);
  }
});

test('names metrics and labels that there are, and rates counters alone', () => {
  for (const { expr, legendFormat } of targets) {
    for (const name of expr.match(/\bsterna_\w+/g) ?? []) expect(names).toContain(name);
    const used = METRIC_FAMILIES.filter(({ name }) =>
      new RegExp(`\\b${name}(?:_bucket|_count)?\\{`).test(expr),
    );
    const labels = new Set([...used.flatMap((family) => family.labels), 'instance', 'le']);
    const asked = [
      ...[...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/)),
      ...[...expr.matchAll(/[{,](\w+)=~?"/g)].map(([, label = '']) => label),
      ...[...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label),
    ];
    expect(
      asked.filter((label) => !labels.has(label)),
      expr,
    ).toEqual([]);
    for (const [, name = ''] of expr.matchAll(/(?:rate|increase)\((\w+)/g)) {
      expect(name).toMatch(/_total$|_bucket$|_count$/);
    }
  }
});
