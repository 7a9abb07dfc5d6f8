// Which engine this machine gets: the Linux one where its calls work, the portable one anywhere else.
// Called by: the media host, once, and the doctor. The Linux parts are loaded only here and by the worker.

import type { LinuxCapabilities } from './linux-probe.ts';

export type EngineChoice =
  | { kind: 'linux'; capabilities: LinuxCapabilities }
  | { kind: 'portable'; reason: string };

/** What the probe looks for, under the names of the socket options. */
export const CAPABILITY_NAMES: readonly (readonly [keyof LinuxCapabilities, string])[] = [
  ['udpGro', 'UDP_GRO'],
  ['udpSegment', 'UDP_SEGMENT'],
  ['ipRecvErr', 'IP_RECVERR'],
  ['ipPktInfo', 'IP_PKTINFO'],
];

/** Never throws: the reason says why the Linux engine cannot run here, or that it was not wanted. */
export async function chooseEngine(wanted: 'auto' | 'linux' | 'portable'): Promise<EngineChoice> {
  if (wanted === 'portable') return { kind: 'portable', reason: 'configured' };
  if (process.platform !== 'linux') {
    return { kind: 'portable', reason: `the linux engine does not run on ${process.platform}` };
  }
  if (process.arch !== 'x64' && process.arch !== 'arm64') {
    return { kind: 'portable', reason: `the linux engine does not run on ${process.arch}` };
  }
  try {
    const { probeLinux } = await import('./linux-probe.ts');
    return { kind: 'linux', capabilities: probeLinux() };
  } catch (error) {
    return { kind: 'portable', reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Which of them are there, and which are not, for people. */
export function capabilityText(capabilities: LinuxCapabilities): string {
  const those = (there: boolean): string =>
    CAPABILITY_NAMES.flatMap(([key, name]) => (capabilities[key] === there ? [name] : [])).join(
      ', ',
    );
  const [have, lack] = [those(true), those(false)];
  if (lack === '') return `with ${have}`;
  return have === '' ? `without ${lack}` : `with ${have}; without ${lack}`;
}
