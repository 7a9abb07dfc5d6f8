// Runs a load: members join at a pace, media flows for a while, all is counted. Called by: commands/load.ts.

import { setMaxListeners } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Member } from './member.ts';
import type { Client, Role } from './member.ts';
import type { LoadOptions } from './options.ts';
import type { LoadReport, Progress } from './report.ts';
import { spread } from './spread.ts';
import { Tally } from './tally.ts';

const PUMP_MS = 5;
const PROGRESS_MS = 1000;
/** Who has sent or received nothing by then is told as such: ICE and DTLS may need it. */
const MEDIA_WITHIN_MS = 5000;

interface Mark {
  readonly at: number;
  readonly cpu: NodeJS.CpuUsage;
  readonly sent: number;
  readonly sentBytes: number;
  readonly received: number;
  readonly receivedBytes: number;
  readonly lost: number;
  readonly late: number;
}

export class Load {
  readonly #options: LoadOptions;
  readonly #client: Client;
  readonly #tally = new Tally();
  readonly #members: Member[] = [];
  readonly #delay = monitorEventLoopDelay({ resolution: 10 });
  #behindMs = 0;

  constructor(options: LoadOptions, client: Client) {
    this.#options = options;
    this.#client = client;
  }

  /** Ends early, with the report, when `signal` aborts. */
  async run(signal: AbortSignal, onProgress: (progress: Progress) => void): Promise<LoadReport> {
    const { publishers, subscribers, durationMs } = this.#options;
    // Each member listens to it.
    setMaxListeners(0, signal);
    const startedAt = performance.now();
    const pump = setInterval(() => this.#pump(), PUMP_MS);
    let last = this.#mark();
    const ticker = setInterval(() => {
      const now = this.#mark();
      onProgress(this.#progress(startedAt, last, now));
      last = now;
    }, PROGRESS_MS);
    this.#delay.enable();
    const begun = this.#mark();
    // Who receives comes to a room in which somebody sends.
    await this.#joinAll('publisher', publishers, signal);
    await this.#joinAll('subscriber', subscribers, signal);
    let from = begun;
    if (!signal.aborted && this.#members.some(({ joined }) => joined)) {
      from = this.#mark();
      this.#tally.restartLatencies();
      this.#behindMs = 0;
      this.#delay.reset();
      await sleep(durationMs, undefined, { signal }).catch(() => undefined);
    }
    const report = this.#report(startedAt, from, this.#mark());
    clearInterval(pump);
    clearInterval(ticker);
    this.#delay.disable();
    for (const member of this.#members) member.leave();
    return report;
  }

  async #joinAll(role: Role, count: number, signal: AbortSignal): Promise<void> {
    const { ramp } = this.#options;
    const startedAt = performance.now();
    const joins: Promise<void>[] = [];
    for (let number = 1; number <= count && !signal.aborted; number++) {
      const waitMs = startedAt + (1000 * (number - 1)) / ramp - performance.now();
      // oxlint-disable-next-line no-await-in-loop -- at their pace
      if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) break;
      const member = new Member(role, number, this.#options, this.#tally);
      this.#members.push(member);
      joins.push(member.join(this.#client, signal));
    }
    await Promise.all(joins);
  }

  #pump(): void {
    const now = performance.now();
    for (const member of this.#members) {
      this.#behindMs = Math.max(this.#behindMs, member.send(now));
    }
  }

  #mark(): Mark {
    const { sentPackets, sentBytes, receivedPackets, receivedBytes } = this.#tally;
    return {
      at: performance.now(),
      cpu: process.cpuUsage(),
      sent: sentPackets,
      sentBytes,
      received: receivedPackets,
      receivedBytes,
      lost: this.#members.reduce((sum, member) => sum + member.lost, 0),
      late: this.#members.reduce((sum, member) => sum + member.late, 0),
    };
  }

  #progress(startedAt: number, before: Mark, now: Mark): Progress {
    const { publishers, subscribers } = this.#options;
    return {
      seconds: (now.at - startedAt) / 1000,
      members: publishers + subscribers,
      joined: this.#members.filter(({ joined }) => joined).length,
      failed: this.#members.filter(({ failure }) => failure !== null).length,
      ...rates(before, now),
      latencyMs: this.#tally.latencies.percentile(0.95) / 1000,
    };
  }

  #report(startedAt: number, from: Mark, to: Mark): LoadReport {
    const { room, url, publishers, subscribers } = this.#options;
    const { latencies, latencyMaxMs, dropped, reconnects } = this.#tally;
    const joined = this.#members.filter((member) => member.joined);
    const receivers = joined.filter(({ role }) => role === 'subscriber');
    const lasted = to.at - startedAt >= MEDIA_WITHIN_MS || to.at - from.at >= MEDIA_WITHIN_MS / 5;
    const failures: Record<string, number> = {};
    for (const { failure } of this.#members) {
      if (failure !== null) failures[failure] = (failures[failure] ?? 0) + 1;
    }
    return {
      url,
      room,
      publishers,
      subscribers,
      seconds: (to.at - from.at) / 1000,
      joined: joined.length,
      failures,
      reconnects,
      withoutMedia: lasted
        ? joined.filter(({ role, sentPackets }) => role === 'publisher' && sentPackets === 0)
            .length +
          receivers.filter(({ firstPacketMs }) => publishers > 0 && Number.isNaN(firstPacketMs))
            .length
        : 0,
      sent: { packets: to.sent - from.sent, bytes: to.sentBytes - from.sentBytes, dropped },
      received: {
        packets: to.received - from.received,
        bytes: to.receivedBytes - from.receivedBytes,
        lost: Math.max(0, to.lost - from.lost),
        late: Math.max(0, to.late - from.late),
      },
      latencyMs: {
        p50: latencies.percentile(0.5) / 1000,
        p95: latencies.percentile(0.95) / 1000,
        max: latencyMaxMs,
      },
      joinMs: spread(joined.map(({ joinMs }) => joinMs)),
      firstPacketMs: spread(receivers.map(({ firstPacketMs }) => firstPacketMs)),
      generator: {
        cores: rates(from, to).cores,
        loopDelayMs: this.#delay.percentile(99) / 1e6,
        behindMs: this.#behindMs,
        residentBytes: process.memoryUsage.rss(),
      },
    };
  }
}

function rates(
  from: Mark,
  to: Mark,
): Pick<Progress, 'sentPerSecond' | 'receivedPerSecond' | 'receivedBps' | 'lost' | 'cores'> {
  const seconds = Math.max(0.001, (to.at - from.at) / 1000);
  const cpuUs = to.cpu.user + to.cpu.system - from.cpu.user - from.cpu.system;
  return {
    sentPerSecond: (to.sent - from.sent) / seconds,
    receivedPerSecond: (to.received - from.received) / seconds,
    receivedBps: (8 * (to.receivedBytes - from.receivedBytes)) / seconds,
    lost: Math.max(0, to.lost - from.lost),
    cores: cpuUs / 1e6 / seconds,
  };
}
