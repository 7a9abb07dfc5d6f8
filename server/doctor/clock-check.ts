// Whether the clock is right: tokens, TURN credentials and certificates are good by it, and others make them by theirs.
// Called by: the doctor.

import { systemClock } from '../../shared/clock.ts';
import type { Report } from './report.ts';
import { clockOffset } from './sntp-probe.ts';

/** What RFC 7635 s4.1 and most verifiers of tokens let pass. */
const OFFSET_MS_MAX = 5000;
const FIX = 'let chrony or systemd-timesyncd set the clock of this machine';

/** @param server that knows the time, as `host` or `host:port`; without one the kernel alone is asked */
export async function checkClock(server: string | undefined, report: Report): Promise<void> {
  if (server === undefined) return checkKernel(report);
  try {
    const offsetMs = await clockOffset(server, () => systemClock.wall());
    const off = `${Math.abs(offsetMs / 1000).toFixed(3)} s ${offsetMs > 0 ? 'behind' : 'ahead of'} ${server}`;
    if (Math.abs(offsetMs) <= OFFSET_MS_MAX) report.ok('clock', off);
    else report.fail('clock', off, `tokens and credentials end too early or too late: ${FIX}`);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    report.warn(
      'clock',
      `${server}: ${why}`,
      'let the firewall pass UDP to port 123, or ask another',
    );
  }
  return undefined;
}

async function checkKernel(report: Report): Promise<void> {
  let isRight: boolean;
  try {
    // Loaded here, since not every system has what it is made of.
    const { isClockSynchronized } = await import('../../shared/native/kernel-clock.ts');
    isRight = isClockSynchronized();
  } catch {
    report.ok('clock', 'not known to be kept right here; sterna doctor --ntp HOST compares it');
    return;
  }
  if (isRight) report.ok('clock', 'the kernel says that it is kept right');
  else
    report.warn(
      'clock',
      'the kernel says that nothing keeps it right',
      `${FIX}; or compare it by --ntp HOST`,
    );
}
