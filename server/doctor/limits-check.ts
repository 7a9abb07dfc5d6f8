// Whether the system lets the server have what it may want at its busiest: descriptors and socket buffers (proc(5)).
// Called by: the doctor.

import { readFileSync } from 'node:fs';
import type { Config } from '../../shared/config/load.ts';
import type { Report } from './report.ts';

/** What every socket of media asks for: 64 KiB lose key frames, see shared/net/linux-socket.ts. */
const BUFFER_BYTES = 4 * 1024 * 1024;

/** WebSockets and connections of TURN and ICE over TCP that are let in at most, and what the process has besides. */
const CONNECTIONS = 2048 + 4000;
const REST = 256;

export interface SystemLimits {
  /** RLIMIT_NOFILE; undefined where the system does not tell. */
  readonly descriptors: number | undefined;
  /** net.core.rmem_max and net.core.wmem_max, bytes. */
  readonly receiveBuffer: number | undefined;
  readonly sendBuffer: number | undefined;
}

/** As this process has them; Node has raised the soft limit of descriptors to the hard one by now. */
export function readLimits(): SystemLimits {
  const limits = readOptional('/proc/self/limits');
  return {
    descriptors: numberIn(/^Max open files\s+(\d+)/m.exec(limits)?.[1]),
    receiveBuffer: numberIn(readOptional('/proc/sys/net/core/rmem_max')),
    sendBuffer: numberIn(readOptional('/proc/sys/net/core/wmem_max')),
  };
}

export function checkLimits(limits: SystemLimits, { turn }: Config, report: Report): void {
  const { descriptors } = limits;
  // Relays that share ports need no descriptor each.
  const relays = turn.relayPortsPerWorker > 0 ? 0 : turn.quota.total;
  const wanted = relays + CONNECTIONS + REST;
  if (descriptors !== undefined && descriptors < wanted) {
    report.warn(
      'limits',
      `${descriptors} descriptors, ${wanted} for turn.quota.total and all connections`,
      'set LimitNOFILE= in the systemd unit, or ulimit -n, or a smaller turn.quota.total',
    );
  } else if (descriptors !== undefined) {
    report.ok('limits', `${descriptors} descriptors for a server that this user starts here`);
  }
  checkBuffer('net.core.rmem_max', limits.receiveBuffer, report);
  checkBuffer('net.core.wmem_max', limits.sendBuffer, report);
}

function checkBuffer(name: string, bytes: number | undefined, report: Report): void {
  if (bytes === undefined) return;
  if (bytes >= BUFFER_BYTES) return report.ok('limits', `${name} is ${bytes}`);
  return report.warn(
    'limits',
    `${name} is ${bytes}, so bursts of media are lost before they are read`,
    `sysctl -w ${name}=${BUFFER_BYTES}, and a line in /etc/sysctl.d for the next start`,
  );
}

function readOptional(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

function numberIn(text: string | undefined): number | undefined {
  const value = Number.parseInt(text ?? '', 10);
  return Number.isNaN(value) ? undefined : value;
}
