// The NAL units of H.264 between start codes (ITU-T H.264 annex B.1). Called by: annex-b.ts, h264.ts, key-frames.ts.

export interface NalUnit {
  /** Where its start code begins. */
  readonly codeStart: number;
  readonly start: number;
  /** Without the zeros that may follow. */
  readonly end: number;
}

/** Those that are not empty. */
export function* nalUnits(bytes: Uint8Array): Generator<NalUnit> {
  let codeStart = startCode(bytes, 0);
  while (codeStart < bytes.length) {
    const start = codeStart + 3;
    const next = startCode(bytes, start);
    let end = next;
    while (end > start && bytes[end - 1] === 0) end -= 1;
    if (end > start) yield { codeStart, start, end };
    codeStart = next;
  }
}

/** Where the next 00 00 01 begins; the end where there is none. */
function startCode(bytes: Uint8Array, from: number): number {
  for (let at = from + 2; at < bytes.length;) {
    const byte = bytes[at]!;
    if (byte > 1) at += 3;
    else if (byte === 1 && bytes[at - 1] === 0 && bytes[at - 2] === 0) return at - 2;
    else at += 1;
  }
  return bytes.length;
}
