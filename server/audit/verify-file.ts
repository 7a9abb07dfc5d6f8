// Reads an audit file line by line for who verifies it, whatever is in it.
// Called by: the `audit verify` command. Memory: one line, cut where no record is as long.

import { createReadStream } from 'node:fs';
import { SternaError } from '../../shared/errors.ts';
import { LINE_BYTES_MAX } from './record.ts';
import { ChainVerifier } from './verify.ts';
import type { Verdict, VerifyOptions } from './verify.ts';

/** Rejects with a SternaError when the file cannot be read. */
export async function verifyFile(file: string, options: VerifyOptions): Promise<Verdict> {
  const verifier = new ChainVerifier(options);
  let rest = Buffer.alloc(0);
  try {
    for await (const chunk of createReadStream(file)) {
      if (!Buffer.isBuffer(chunk)) continue;
      let from = 0;
      for (let at = chunk.indexOf(0x0a); at >= 0; at = chunk.indexOf(0x0a, from)) {
        const line = chunk.subarray(from, at);
        verifier.line(rest.length === 0 ? line : Buffer.concat([rest, line]));
        rest = Buffer.alloc(0);
        from = at + 1;
      }
      // Of a line that no record can have, the beginning is as wrong as all of it.
      rest = Buffer.concat([rest, chunk.subarray(from)]).subarray(0, LINE_BYTES_MAX);
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new SternaError('AUDIT_UNREADABLE', `cannot read ${file}: ${code}`, { cause: error });
  }
  verifier.rest(rest);
  return verifier.verdict();
}
