// room.diagnose(): the module that does it is loaded when somebody asks, since few ever do. Called by: room.ts.

import type { DiagnosedRoom } from './diagnosis-readings.ts';
import { SternaClientError } from './errors.ts';
import type { Finding } from './findings.ts';

export async function diagnoseRoom(
  room: DiagnosedRoom,
  clockOffsetMs: () => number,
): Promise<Finding[]> {
  const module = import('./diagnosis-readings.ts').catch((cause: unknown) => {
    const why = 'The module that looks for faults could not be loaded';
    throw new SternaClientError('UNREACHABLE', why, { cause });
  });
  return (await module).findingsOf(room, clockOffsetMs);
}
