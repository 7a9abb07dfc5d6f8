// Media files as encoders write them, of whatever frames a test has: IVF, and Ogg with Opus (RFC 3533, RFC 7845).

const OGG_HEADER_BYTES = 27;
const SEGMENTS_MAX = 255;

export function ivfOf(fourcc: string, frames: readonly Uint8Array[], framesPerSecond = 30): Buffer {
  const header = Buffer.alloc(32);
  header.write('DKIF');
  header.writeUInt16LE(32, 6);
  header.write(fourcc, 8);
  header.writeUInt32LE(framesPerSecond, 16);
  header.writeUInt32LE(1, 20);
  const parts = frames.flatMap((frame, i) => {
    const head = Buffer.alloc(12);
    head.writeUInt32LE(frame.length, 0);
    head.writeBigUInt64LE(BigInt(i), 4);
    return [head, frame];
  });
  return Buffer.concat([header, ...parts]);
}

/** A page for each header, then pages of as many segments as they hold. */
export function oggOf(packets: readonly Uint8Array[], serial = 7): Buffer {
  const head = Buffer.alloc(19);
  head.write('OpusHead');
  const pages = [page([head.length], head, serial), page([8], Buffer.from('OpusTags'), serial)];
  let lacing: number[] = [];
  let body: Uint8Array[] = [];
  let isContinued = false;
  const flush = (goesOn: boolean): void => {
    pages.push(page(lacing, Buffer.concat(body), serial, isContinued));
    lacing = [];
    body = [];
    isContinued = goesOn;
  };
  for (const packet of packets) {
    for (let at = 0; at <= packet.length; at += 255) {
      if (lacing.length === SEGMENTS_MAX) flush(at > 0);
      const piece = packet.subarray(at, at + 255);
      lacing.push(piece.length);
      body.push(piece);
    }
  }
  if (lacing.length > 0) flush(false);
  return Buffer.concat(pages);
}

function page(
  lacing: readonly number[],
  body: Uint8Array,
  serial: number,
  isContinued = false,
): Buffer {
  const header = Buffer.alloc(OGG_HEADER_BYTES);
  header.write('OggS');
  header[5] = isContinued ? 1 : 0;
  header.writeUInt32LE(serial, 14);
  header[26] = lacing.length;
  return Buffer.concat([header, Buffer.from(lacing), body]);
}
