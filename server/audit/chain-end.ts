// Where an audit file ends: the last whole record, and what a crash has left behind it.
// Called by: audit-log.ts when it opens a file.

import type { FileHandle } from 'node:fs/promises';
import { LINE_BYTES_MAX, readRecord, sha256, ZERO_HASH } from './record.ts';

/** Room for the last whole record and a torn one behind it. */
const LOOK_BYTES = 2 * LINE_BYTES_MAX;

const NEWLINE = 0x0a;

/** How every first record begins. */
const FIRST = '{"seq":1,';

export interface ChainEnd {
  readonly seq: number;
  readonly hash: string;
  /** Whether the last line lacks its newline. */
  readonly open: boolean;
  /** What stands behind the last whole record, without a newline at its end. */
  readonly torn: { readonly bytes: number; readonly sha256: string } | undefined;
}

/** Null when the file is no audit log. */
export async function readChainEnd(handle: FileHandle): Promise<ChainEnd | null> {
  const { size } = await handle.stat();
  const from = Math.max(0, size - LOOK_BYTES);
  const bytes = Buffer.alloc(size - from);
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, from);
  const tail = bytes.subarray(0, bytesRead);
  const open = tail.length > 0 && tail.at(-1) !== NEWLINE;
  const lines = open ? tail : tail.subarray(0, Math.max(0, tail.length - 1));
  for (let end = lines.length; end > 0;) {
    const start = lines.lastIndexOf(NEWLINE, end - 1) + 1;
    const record = readRecord(lines.subarray(start, end));
    if (record !== null) {
      const torn = tornOf(lines.subarray(end + 1));
      return { seq: record.seq, hash: record.hash, open, torn };
    }
    end = start - 1;
  }
  // Not even the first record is whole, or there is none.
  const isFirst = FIRST.startsWith(lines.toString('latin1', 0, FIRST.length));
  return from === 0 && isFirst ? { seq: 0, hash: ZERO_HASH, open, torn: tornOf(lines) } : null;
}

function tornOf(bytes: Buffer): ChainEnd['torn'] {
  return bytes.length === 0 ? undefined : { bytes: bytes.length, sha256: sha256(bytes) };
}
