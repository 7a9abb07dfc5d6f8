// What a load tells: a line of progress each second, and the report at its end. Called by: commands/load.ts.

import type { Spread } from './spread.ts';

export interface Progress {
  readonly seconds: number;
  readonly members: number;
  readonly joined: number;
  readonly failed: number;
  readonly sentPerSecond: number;
  readonly receivedPerSecond: number;
  readonly receivedBps: number;
  readonly lost: number;
  /** 95 of 100 packets came within. */
  readonly latencyMs: number;
  readonly cores: number;
}

export interface LoadReport {
  readonly url: string;
  readonly room: string;
  readonly publishers: number;
  readonly subscribers: number;
  /** That packets, latencies and the generator were measured for: from when all had joined. */
  readonly seconds: number;
  readonly joined: number;
  /** By reason: who could not join, or was put out before the end. */
  readonly failures: Readonly<Record<string, number>>;
  readonly reconnects: number;
  /** Publishers who could send nothing, and subscribers who received nothing. */
  readonly withoutMedia: number;
  readonly sent: { readonly packets: number; readonly bytes: number; readonly dropped: number };
  readonly received: {
    readonly packets: number;
    readonly bytes: number;
    /** Never came, though they were asked for again. */
    readonly lost: number;
    readonly late: number;
  };
  /** From the publisher's send to the subscriber's receipt, one way. */
  readonly latencyMs: Spread;
  readonly joinMs: Spread;
  /** From join() to the first packet, of subscribers. */
  readonly firstPacketMs: Spread;
  /** This process: what it cannot do looks like the server's limit. */
  readonly generator: {
    readonly cores: number;
    /** 99 of 100 turns of the event loop were late by less. */
    readonly loopDelayMs: number;
    /** The worst delay of a frame that was due. */
    readonly behindMs: number;
    readonly residentBytes: number;
  };
}

/** From here on figures are the generator's own. */
const BUSY_CORES = 0.9;
const BUSY_LOOP_MS = 50;

export function isGood({ failures, withoutMedia }: LoadReport): boolean {
  return Object.keys(failures).length === 0 && withoutMedia === 0;
}

export function progressLine(progress: Progress): string {
  const { seconds, members, joined, failed, sentPerSecond, receivedPerSecond } = progress;
  return [
    `${Math.round(seconds)} s`,
    `${joined}/${members} joined${failed > 0 ? `, ${failed} FAILED` : ''}`,
    `sent ${count(sentPerSecond)}/s`,
    `received ${count(receivedPerSecond)}/s (${megabits(progress.receivedBps)})`,
    `lost ${count(progress.lost)}`,
    `latency p95 ${ms(progress.latencyMs)}`,
    `${progress.cores.toFixed(2)} cores`,
  ].join(' | ');
}

export function reportText(report: LoadReport): string {
  const { publishers, subscribers, seconds, sent, received, generator, failures } = report;
  const lostShare = received.lost / Math.max(1, received.lost + received.packets);
  const failed = Object.entries(failures).map(([reason, times]) => `${times} ${reason}`);
  const rows: readonly (readonly [string, string])[] = [
    ['room', `${report.room} at ${report.url}, measured for ${seconds.toFixed(1)} s`],
    [
      'joined',
      `${report.joined} of ${publishers + subscribers} (${publishers} publish, ${subscribers} subscribe)`,
    ],
    ['failed', failed.join(', ') || 'none'],
    ['without media', report.withoutMedia === 0 ? 'none' : String(report.withoutMedia)],
    ['reconnects', String(report.reconnects)],
    [
      'sent',
      `${count(sent.packets)} packets, ${megabits((8 * sent.bytes) / seconds)}${sent.dropped > 0 ? `, ${count(sent.dropped)} without a connection` : ''}`,
    ],
    ['received', `${count(received.packets)} packets, ${megabits((8 * received.bytes) / seconds)}`],
    [
      'lost',
      `${count(received.lost)} (${(100 * lostShare).toFixed(3)} %), late ${count(received.late)}`,
    ],
    ['latency', spreadText(report.latencyMs)],
    ['time to join', spreadText(report.joinMs)],
    ['first packet', spreadText(report.firstPacketMs)],
    [
      'this process',
      `${generator.cores.toFixed(2)} cores, event loop p99 ${ms(generator.loopDelayMs)}, frames late by ${ms(generator.behindMs)} at most, ${Math.round(generator.residentBytes / 2 ** 20)} MiB`,
    ],
  ];
  const lines = rows.map(([name, value]) => `${name.padEnd(14)} ${value}`);
  if (generator.cores > BUSY_CORES || generator.loopDelayMs > BUSY_LOOP_MS) {
    lines.push(
      'This process was busy: the figures may be its own limit. Use several, on other machines.',
    );
  }
  return `${lines.join('\n')}\n`;
}

function spreadText({ p50, p95, max }: Spread): string {
  return `p50 ${ms(p50)}, p95 ${ms(p95)}, max ${ms(max)}`;
}

function ms(value: number): string {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

function megabits(bps: number): string {
  return `${(bps / 1e6).toFixed(1)} Mbit/s`;
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}
