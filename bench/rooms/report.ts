// Prints what the rooms bench measured: a table for each part, Sterna beside the others, and the ratios.

import type { Percentiles } from '../percentiles.ts';
import type { PartFigures, RoomsFigure } from './figures.ts';

const OTHERS_MAX = 0.05;
/** More of its core, or later than this, and the load is what is measured. */
const LOAD_BUSY_MAX = 0.9;
const BEHIND_MS_MAX = 100;

export function printPart({ name, plan, figures, failures }: PartFigures): void {
  const { rooms, size, cameras, heard, large, middle } = plan;
  console.log(
    `\n${name}: ${rooms} x ${size}, ${cameras} cameras of 3 encodings each; everybody sees ${large} large, ` +
      `${middle} middle, the others small, and hears ${heard}`,
  );
  row('', [
    'CPU ns',
    'ours/it',
    'in/s',
    'out/s',
    'layers %',
    'lost %',
    'silent',
    'p50 us',
    'p99 us',
    'KiB each',
    'ours/it',
    'core %',
    'load %',
    'late ms',
    'others %',
  ]);
  const own = figures.find(({ ours }) => ours);
  for (const figure of figures) {
    const { cpuNs, bytesPerParticipant } = figure;
    row(figure.server, [
      cpuNs.toFixed(0),
      ratio(own?.cpuNs, cpuNs),
      figure.inPerSecond.toFixed(0),
      figure.outPerSecond.toFixed(0),
      figure.layers.map((share) => (100 * share).toFixed(0)).join('/'),
      (100 * figure.loss).toFixed(3),
      String(figure.silent),
      figure.forwardUs.p50.toFixed(0),
      figure.forwardUs.p99.toFixed(0),
      (bytesPerParticipant / 1024).toFixed(0),
      ratio(own?.bytesPerParticipant, bytesPerParticipant),
      percent(figure.serverBusy),
      percent(figure.loadBusy),
      figure.behindMs.toFixed(0),
      `${figure.others > OTHERS_MAX ? '!' : ''}${percent(figure.others)}`,
    ]);
    if (isLoadTheLimit(figure)) console.log('    the load is the limit here, not the server');
  }
  for (const { server, storm, serverJoinMs } of figures) {
    if (storm === undefined) continue;
    const inside = serverJoinMs === undefined ? '' : `, ${both(serverJoinMs)} of it in the server`;
    console.log(
      `  ${server}: join to answer ${both(storm.answerMs)} ms${inside}; to the first packet ` +
        `${both(storm.packetMs)} ms, to the first key frame ${both(storm.keyFrameMs)} ms; ${storm.late} without one`,
    );
  }
  for (const { server, message } of failures) console.log(`  ${server}: failed: ${message}`);
}

function isLoadTheLimit({ loadBusy, serverBusy, behindMs }: RoomsFigure): boolean {
  return behindMs > BEHIND_MS_MAX || (loadBusy > LOAD_BUSY_MAX && serverBusy < LOAD_BUSY_MAX);
}

function both({ p50, p99 }: Percentiles): string {
  return `${p50.toFixed(1)} / ${p99.toFixed(1)}`;
}

function row(name: string, columns: readonly string[]): void {
  console.log(`  ${name.padEnd(26)}${columns.map((text) => text.padStart(10)).join('')}`);
}

function ratio(own: number | undefined, other: number): string {
  return own === undefined ? '' : `${(own / other).toFixed(2)}x`;
}

function percent(fraction: number): string {
  return (100 * fraction).toFixed(0);
}
