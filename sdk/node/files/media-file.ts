// Media as a player takes it: encoded frames with their times, whatever file they were in. Made by the readers of this
// folder, or by an application of its own frames.

import type { CodecName } from '../codecs.ts';

export interface Frame {
  /** One packet of Opus, or one picture, as the codec has it: H.264 with start codes, AV1 as a temporal unit. */
  readonly data: Uint8Array;
  /** Since the first frame, in units of the codec's clock. */
  readonly timestamp: number;
  readonly isKeyFrame: boolean;
}

export interface MediaFile {
  readonly codec: CodecName;
  readonly frames: readonly Frame[];
  /** Of all of it, in units of the codec's clock. */
  readonly duration: number;
}

/** What is no such file, or breaks its format. */
export class MediaFileError extends Error {
  override readonly name = 'MediaFileError';
}
