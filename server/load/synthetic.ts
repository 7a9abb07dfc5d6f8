// The media of the load: pictures of VP8 and packets of Opus that decoders take, filled up to their bit rate. What
// fills them up no decoder looks at, so every packet has room for a stamp at its end. Called by: member.ts.

import type { Frame } from '../../sdk/node/index.ts';
import { STAMP_BYTES } from './stamp.ts';

export const FRAMES_PER_SECOND = { video: 30, audio: 50 } as const;
/** 32 kbit/s. */
const OPUS_BYTES = 80;

/** A key frame of 640 x 360 in one colour, by libvpx, and the frame that changes nothing of it. */
const KEY_FRAME = Buffer.from(
  '0DMAnQEqgAJoAQOHCIWFiJmEiBOCAnWqAgZmZWl9r25snOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHs' +
    'nOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHs' +
    'nOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHs' +
    'nOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHs' +
    'nOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHs' +
    'nOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHs' +
    'nOHsnOHsnOHsnOHsnOHsnOHsnOHsnOHsnOGQAP7q1H3XGO1V9fAFPEg=',
  'base64',
);
const SAME_FRAME = Buffer.from(
  'sQsADhDsABgAGG/0DAACglSqlVKqVUqpVSqlVKqVUqpVSqlVKqVUqpVSqlVKqVUqpVSqlVKqVUqpVSqlVKqVUqpV' +
    'SqlVKqVUqpVSqlVKqVUqpVSqlVKqVUqpVSqlVKgA/uQBcCYjpB9wbwvJOAA=',
  'base64',
);

type Picture = Pick<Frame, 'data' | 'isKeyFrame'>;

/** The two kinds of pictures of a camera that sends so many bits a second. */
export function pictures(bitrate: number): { key: Picture; same: Picture } {
  const bytes = Math.round(bitrate / 8 / FRAMES_PER_SECOND.video);
  return {
    key: { data: filled(KEY_FRAME, bytes), isKeyFrame: true },
    same: { data: filled(SAME_FRAME, bytes), isKeyFrame: false },
  };
}

/** RFC 6386 s9.3: decoders leave what follows the last partition. */
function filled(frame: Buffer, bytes: number): Buffer {
  const data = Buffer.alloc(Math.max(bytes, frame.length + STAMP_BYTES));
  data.set(frame);
  return data;
}

/** RFC 6716 s3.2.5: 20 ms of silence in one frame of CELT, then padding. */
export function silence(): Uint8Array {
  const packet = new Uint8Array(OPUS_BYTES);
  const head = [0xfb, 0x41, OPUS_BYTES - 5, 0xff, 0xfe];
  packet.set(head);
  return packet;
}
