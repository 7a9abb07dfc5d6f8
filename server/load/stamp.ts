// What the last bytes of every payload of the load say: when it left. One process sends and receives, so one clock
// tells both. Called by: synthetic.ts, member.ts.

export const STAMP_BYTES = 12;
const MAGIC = 0x5f_75_6c_64;

/** `sentAt` in milliseconds of performance.now(). */
export function writeStamp(payload: Uint8Array, sentAt: number): void {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  view.setUint32(payload.length - STAMP_BYTES, MAGIC);
  view.setFloat64(payload.length - STAMP_BYTES + 4, sentAt);
}

/** NaN where there is none. */
export function readStamp(payload: Uint8Array): number {
  const at = payload.length - STAMP_BYTES;
  if (at < 0) return Number.NaN;
  const view = new DataView(payload.buffer, payload.byteOffset + at, STAMP_BYTES);
  return view.getUint32(0) === MAGIC ? view.getFloat64(4) : Number.NaN;
}
