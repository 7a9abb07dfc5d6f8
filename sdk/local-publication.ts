// One local track that is offered to the others. Shared by local-media.ts, which owns it, and
// link-media.ts, which sends it.

export type PublicationSource = 'microphone' | 'camera' | 'other';

export interface LocalPublication {
  readonly kind: 'audio' | 'video';
  readonly source: PublicationSource;
  /** Changes when the device is switched. */
  track: MediaStreamTrack;
  /** Groups audio and video for lip synchronisation. */
  readonly stream: MediaStream;
  /** True when the SDK opened the device, so that it also closes it. */
  owned: boolean;
}
