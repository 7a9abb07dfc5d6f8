// From an encoded frame to the payloads of its RTP packets, by codec. Called by: player.ts, and who sends frames of its
// own.

import type { CodecName } from '../codecs.ts';
import type { Frame } from '../files/media-file.ts';
import { av1Payloads } from './av1.ts';
import { h264Payloads } from './h264.ts';
import { vp8Payloads } from './vp8.ts';
import { vp9Payloads } from './vp9.ts';

/** Hands each payload of a frame to `send`, with the marker on the last one of a picture. */
export type Packetizer = (
  frame: Pick<Frame, 'data' | 'isKeyFrame'>,
  send: (payload: Uint8Array, marker: boolean) => void,
) => void;

const PACKETIZERS: Readonly<Record<CodecName, () => Packetizer>> = {
  // RFC 7587 s4.2: as it is. The marker is for the first of a talk spurt, which a file does not tell.
  opus:
    () =>
    ({ data }, send) =>
      send(data, false),
  vp8: () => numbered(vp8Payloads),
  vp9: () => numbered(vp9Payloads),
  av1:
    () =>
    ({ data, isKeyFrame }, send) =>
      sendAll(av1Payloads(data, isKeyFrame), send),
  h264:
    () =>
    ({ data }, send) =>
      sendAll(h264Payloads(data), send),
};

/** For one track: pictures are numbered. */
export function packetizerOf(codec: CodecName): Packetizer {
  return PACKETIZERS[codec]();
}

function numbered(
  payloads: (data: Uint8Array, isKeyFrame: boolean, pictureId: number) => Uint8Array[],
): Packetizer {
  let pictureId = 0;
  return ({ data, isKeyFrame }, send) => {
    sendAll(payloads(data, isKeyFrame, pictureId), send);
    pictureId = (pictureId + 1) & 0x7fff;
  };
}

function sendAll(
  payloads: readonly Uint8Array[],
  send: (payload: Uint8Array, marker: boolean) => void,
): void {
  for (const [i, payload] of payloads.entries()) send(payload, i === payloads.length - 1);
}
