// Whether bytes lie in an arena: what native code is told to touch is checked here first.
// Called by: SrtpSender, SrtpReceiver.

import type { Arena } from '../../shared/native/arena.ts';

export function within(arena: Arena, offset: number, length: number): boolean {
  return offset >= 0 && length >= 0 && offset + length <= arena.bytes.length;
}
