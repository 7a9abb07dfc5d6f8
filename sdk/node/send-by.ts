// Sends by a section of a connection that may close at any moment. Called by: local-track.ts, slot.ts.

import type { Track as Section } from 'node-datachannel';

/** False where there is no connection, or none any more. */
export function sendBy(section: Section | null, packet: Buffer): boolean {
  if (!section?.isOpen()) return false;
  try {
    return section.sendMessageBinary(packet);
  } catch {
    return false;
  }
}
