// `sterna audit verify`: says whether an audit file is whole, or the first line that is wrong and why.

import { verifyFile } from '../audit/verify-file.ts';
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
