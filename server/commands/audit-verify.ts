// `sterna audit verify`: says whether an audit file is whole, or the first line that is wrong and why.

import { createReadStream } from 'node:fs';
import { SternaError } from '../../shared/errors.ts';
import { LINE_BYTES_MAX } from '../audit/record.ts';
import { ChainVerifier } from '../audit/verify.ts';
import type { Verdict, VerifyOptions } from '../audit/verify.ts';
import { EXIT_FAILED, EXIT_OK, readFlags, UsageError } from './command.ts';
import type { Command } from './command.ts';

const HASH = /^[0-9a-f]{64}$/;

export const auditVerify: Command = {
  name: 'audit verify',
  summary: 'check that nobody has changed an audit file',
  help: `sterna audit verify FILE [flags]: exits with 0 when it is whole, with 1 when it is not

      --expect-hash HASH   a record with this hash must be in it: proves that nothing up to there was cut off
      --from HASH          the file goes on from another one, whose last record has this hash`,

  run: async (argv, context) => {
    const [file, ...rest] = argv;
    if (file === undefined || file.startsWith('-')) {
      throw new UsageError('expected a file (see "sterna audit verify --help")');
    }
    const flags = readFlags('audit verify', rest, {
      'expect-hash': { type: 'string' },
      from: { type: 'string' },
    });
    const hashOf = (name: string): string | undefined => {
      const hash = flags.get(name);
      if (hash === undefined || HASH.test(hash)) return hash;
      throw new UsageError(`--${name} needs 64 hexadecimal digits`);
    };
    const options = { from: hashOf('from'), expectHash: hashOf('expect-hash') };
    const { fault, records, lastSeq, lastHash, torn } = await verifyFile(file, options);
    for (const { line, bytes } of torn) {
      context.print(`torn: line ${line}, ${bytes} bytes, by a crash; the next line tells of it\n`);
    }
    if (fault === undefined) {
      const what = records === 0 ? 'no records' : `${records} records up to ${lastSeq}`;
      context.print(`ok: ${what}, last hash ${lastHash}\n`);
      return EXIT_OK;
    }
    context.print(`bad: line ${fault.line}, ${fault.kind}: ${fault.why}\n`);
    context.print(`whole before it: ${records} records, last hash ${lastHash}\n`);
    return EXIT_FAILED;
  },
};

async function verifyFile(file: string, options: VerifyOptions): Promise<Verdict> {
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
