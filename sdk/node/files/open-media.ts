// Reads a media file of one of the formats that bots play, told apart by how it begins. Called by: local-track.ts, and
// applications.

import { open } from 'node:fs/promises';
import { FILE_BYTES_MAX } from '../limits.ts';
import { isAnnexB, readAnnexB } from './annex-b.ts';
import { isIvf, readIvf } from './ivf.ts';
import { MediaFileError } from './media-file.ts';
import type { MediaFile } from './media-file.ts';
import { isOgg, readOggOpus } from './ogg-opus.ts';

export interface OpenOptions {
  /** Of H.264, whose files have no times; default 30. */
  framesPerSecond?: number;
}

/**
 * Ogg with Opus, IVF with VP8, VP9 or AV1, or H.264 with start codes. @throws MediaFileError, and what reading throws
 */
export async function openMedia(path: string, options: OpenOptions = {}): Promise<MediaFile> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size > FILE_BYTES_MAX) throw new MediaFileError(`${path} is larger than 512 MiB`);
    return readMedia(await file.readFile(), options);
  } finally {
    await file.close();
  }
}

/** The same, of bytes. @throws MediaFileError */
export function readMedia(bytes: Buffer, { framesPerSecond = 30 }: OpenOptions = {}): MediaFile {
  if (!(framesPerSecond >= 1 && framesPerSecond <= 240)) {
    throw new TypeError('Expected framesPerSecond from 1 to 240');
  }
  if (isOgg(bytes)) return readOggOpus(bytes);
  if (isIvf(bytes)) return readIvf(bytes);
  if (isAnnexB(bytes)) return readAnnexB(bytes, framesPerSecond);
  throw new MediaFileError('This is neither Ogg, nor IVF, nor H.264 with start codes');
}
