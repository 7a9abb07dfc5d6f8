// Where an audit file ends: the last whole record, and what a crash has left behind it.
// Called by: audit-log.ts when it opens a file.

import type { FileHandle } from 'node:fs/promises';
import { LINE_BYTES_MAX, readRecord, sha256, ZERO_HASH } from './record.ts';

/** Room for the last whole record and a torn one behind it. */
const LOOK_BYTES = 2 * LINE_BYTES_MAX;

/** How every first record begins. */
const FIRST = '{"seq":1,';

export interface ChainEnd {
  readonly seq: number;
  readonly hash: string;
  /** Whether the last line lacks its newline. */
  readonly open: boolean;
  /** Of that line, when it is no whole record. */
  readonly torn: { readonly bytes: number; readonly sha256: string } | undefined;
}

/** Null when the file is no audit log. */
export async function readChainEnd(handle: FileHandle): Promise<ChainEnd | null> {
  const { size } = await handle.stat();
  if (size === 0) return { seq: 0, hash: ZERO_HASH, open: false, torn: undefined };
  const from = Math.max(0, size - LOOK_BYTES);
  const bytes = Buffer.alloc(size - from);
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, from);
  const tail = bytes.subarray(0, bytesRead);
  const lastBreak = tail.lastIndexOf(0x0a);
  const rest = tail.subarray(lastBreak + 1);
  const open = rest.length > 0;
  const whole = open ? readRecord(rest) : null;
  if (whole !== null) return { seq: whole.seq, hash: whole.hash, open, torn: undefined };
  const torn = open ? { bytes: rest.length, sha256: sha256(rest) } : undefined;
  const last = lastWhole(tail.subarray(0, Math.max(0, lastBreak)));
  if (last !== undefined) return { ...last, open, torn };
  const isFirst =
    from === 0 && lastBreak < 0 && FIRST.startsWith(rest.toString('latin1', 0, FIRST.length));
  return isFirst ? { seq: 0, hash: ZERO_HASH, open, torn } : null;
}

function lastWhole(lines: Buffer): { seq: number; hash: string } | undefined {
  for (let end = lines.length; end > 0;) {
    const start = lines.lastIndexOf(0x0a, end - 1) + 1;
    const record = readRecord(lines.subarray(start, end));
    if (record !== null) return { seq: record.seq, hash: record.hash };
    end = start - 1;
  }
  return undefined;
}
