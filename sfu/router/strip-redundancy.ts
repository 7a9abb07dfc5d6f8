// Leaves only the newest frame of a redundant payload (RFC 2198 s3), which is its last, for who has not negotiated
// the rest. Called by: Slot. Allocates: nothing.

import { RedReader } from '../rtp/red-reader.ts';
import type { MediaPacket } from './media-packet.ts';

const red = new RedReader();

export function stripRedundancy(packet: MediaPacket): void {
  const { arena, payloadOffset, payloadBytes } = packet;
  if (arena === undefined || !red.read(arena.bytes, payloadOffset, payloadBytes)) return;
  packet.payloadOffset = red.offsets[red.count - 1]!;
  packet.payloadBytes = red.lengths[red.count - 1]!;
}
