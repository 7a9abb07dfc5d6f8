// The OBUs of a temporal unit of AV1 as files have it (AV1 s5.2, low-overhead format). Called by: av1.ts,
// key-frames.ts.

export interface Obu {
  readonly type: number;
  readonly header: number;
  /** Present with OBU_EXTENSION_BIT. */
  readonly extension: number | undefined;
  readonly payload: Uint8Array;
}

export const OBU_EXTENSION_BIT = 0x04;
export const OBU_SIZE_BIT = 0x02;
/** AV1 s4.10.5. */
const LEB128_BYTES_MAX = 8;

/** Up to the first that does not fit. */
export function* obusOf(unit: Uint8Array): Generator<Obu> {
  let at = 0;
  while (at < unit.length) {
    const header = unit[at++]!;
    const extension = (header & OBU_EXTENSION_BIT) === 0 ? undefined : unit[at++];
    let size = unit.length - at;
    if ((header & OBU_SIZE_BIT) !== 0) {
      size = 0;
      let isLast = false;
      for (let i = 0; i < LEB128_BYTES_MAX && !isLast; i++) {
        const byte = unit[at++] ?? 0;
        size += (byte & 0x7f) * 2 ** (7 * i);
        isLast = (byte & 0x80) === 0;
      }
    }
    if (at + size > unit.length) return;
    yield { type: (header >> 3) & 15, header, extension, payload: unit.subarray(at, at + size) };
    at += size;
  }
}
