// Prints what the SFU bench measured: a table for each shape, ours beside the others, and the ratios.

import { type Failure, OTHERS_MAX, type SfuFigure } from './matrix.ts';
import { deliveredPerSecond, type Shape } from './shapes.ts';

const HEAD = [
  'CPU ns',
  'ours/it',
  'out/s',
  'loss %',
  'p50 us',
  'ours/it',
  'p99 us',
  'ours/it',
  'KiB/sub',
  'ours/it',
  'join ms',
  'key ms',
  'ours/it',
  'core %',
  'load %',
  'late ms',
  'others %',
];

/** `straight` is the load without a server. */
export function printShape(
  shape: Shape,
  straight: SfuFigure,
  figures: readonly SfuFigure[],
  failures: readonly Failure[],
): void {
  const own = figures.find(({ ours }) => ours);
  console.log(`\n${describe(shape)}`);
  printRow('', HEAD);
  for (const figure of figures) {
    const { cpuNs, perSecond, loss, p50, p99, bytesPerSubscription, firstKeyFrameMs } = figure;
    printRow(figure.server, [
      cpuNs.toFixed(0),
      ratio(own?.cpuNs, cpuNs),
      perSecond.toFixed(0),
      percent(loss, 3),
      p50.toFixed(0),
      ratio(own?.p50, p50),
      p99.toFixed(0),
      ratio(own?.p99, p99),
      (bytesPerSubscription / 1024).toFixed(0),
      ratio(own?.bytesPerSubscription, bytesPerSubscription),
      figure.firstPacketMs.toFixed(0),
      firstKeyFrameMs.toFixed(0),
      ratio(own?.firstKeyFrameMs, firstKeyFrameMs),
      ...conditions(figure),
    ]);
  }
  const { perSecond, loss, p50, p99, firstPacketMs, firstKeyFrameMs } = straight;
  const none = '';
  const times = [firstPacketMs.toFixed(0), firstKeyFrameMs.toFixed(0)];
  const latencies = [p50.toFixed(0), none, p99.toFixed(0), none];
  const flow = [none, none, perSecond.toFixed(0), percent(loss, 3)];
  const row = [...flow, ...latencies, none, none, ...times, none, ...conditions(straight)];
  printRow('(no server)', row);
  for (const { server, message } of failures) console.log(`  ${server}: failed: ${message}`);
}

function describe(shape: Shape): string {
  const { name, publishers, subscriptions, videoPerSecond, audioPerSecond } = shape;
  const media = [
    videoPerSecond === 0 ? '' : `${videoPerSecond} video packets/s and `,
    `${audioPerSecond} audio packets/s`,
  ];
  const out = deliveredPerSecond(shape);
  return `${name}: ${publishers} publishing ${media.join('')} each, ${subscriptions.length} subscriptions, ${out}/s out`;
}

/** What the figures were taken under; `!` where something else had the machine as well. */
function conditions({ serverBusy, loadBusy, behindMs, others }: SfuFigure): string[] {
  const disturbed = others > OTHERS_MAX ? '!' : '';
  return [
    percent(serverBusy, 0),
    percent(loadBusy, 0),
    behindMs.toFixed(0),
    `${disturbed}${percent(others, 1)}`,
  ];
}

function printRow(name: string, columns: readonly string[]): void {
  console.log(`  ${name.padEnd(26)}${columns.map((text) => text.padStart(9)).join('')}`);
}

function ratio(own: number | undefined, other: number): string {
  return own === undefined ? '' : `${(own / other).toFixed(2)}x`;
}

function percent(fraction: number, digits: number): string {
  return (100 * fraction).toFixed(digits);
}
