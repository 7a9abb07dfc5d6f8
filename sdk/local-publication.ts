// One local track that is offered to the others. Shared by local-media.ts, which owns it, and
// link-media.ts and sfu-senders.ts, which send it.

import type { TrackSource } from '../signaling/protocol.ts';

export interface LocalPublication {
  readonly kind: 'audio' | 'video';
  readonly source: TrackSource;
  /** Told to the others in a room of mode `sfu`. */
  readonly name: string | undefined;
  /** Changes when the device is switched. */
  track: MediaStreamTrack;
  /** Groups audio and video for lip synchronisation. */
  readonly stream: MediaStream;
  /** True when the SDK opened the device, so that it also closes it. */
  owned: boolean;
}

/** Nothing can come of a track that was switched off, nor of a device that is gone. */
export function isMuted({ track }: LocalPublication): boolean {
  return !track.enabled || track.readyState === 'ended';
}
