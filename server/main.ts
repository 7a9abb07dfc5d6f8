#!/usr/bin/env node
// The command line: finds the command, prints help and version, turns failures into one line and an exit
// code. 0 = done, 1 = failed, 2 = the command line or the configuration is wrong.

import { ConfigError } from '../shared/config/config-error.ts';
import { nearest } from '../shared/config/keys.ts';
import { SternaError } from '../shared/errors.ts';
import { escapeText } from '../shared/log-fields.ts';
import { EXIT_FAILED, EXIT_OK, EXIT_USAGE, UsageError } from './commands/command.ts';
import type { Command, Context } from './commands/command.ts';
import { auditVerify } from './commands/audit-verify.ts';
import { configCheck } from './commands/config-check.ts';
import { doctor } from './commands/doctor.ts';
import { load } from './commands/load.ts';
import { serve } from './commands/serve.ts';
import { token } from './commands/token.ts';
import { VERSION } from './package-root.ts';

const COMMANDS: readonly Command[] = [serve, token, load, doctor, configCheck, auditVerify];

const USAGE = `Sterna ${VERSION}: rooms, signaling and STUN/TURN in one process

Usage: sterna [command] [flags]

${COMMANDS.map(({ name, summary }) => `  ${name.padEnd(14)} ${summary}`).join('\n')}

  -h, --help     this text, or that of a command: sterna token --help
  -v, --version  the version

Every key of the configuration is in docs/configuration.md.
`;

async function main(argv: string[], context: Context): Promise<number> {
  const [first = ''] = argv;
  if (first === '--version' || first === '-v') {
    context.print(`${VERSION}\n`);
    return EXIT_OK;
  }
  if (first === '--help' || first === '-h') {
    context.print(USAGE);
    return EXIT_OK;
  }
  const { command, rest } = findCommand(argv);
  if (rest.includes('--help') || rest.includes('-h')) {
    context.print(`sterna ${command.name}: ${command.summary}\n\n${command.help}\n`);
    return EXIT_OK;
  }
  return command.run(rest, context);
}

function findCommand(argv: string[]): { command: Command; rest: string[] } {
  const words = argv.slice(0, 2);
  if (words[0] === undefined || words[0].startsWith('-')) return { command: serve, rest: argv };
  for (const command of COMMANDS) {
    const names = command.name.split(' ');
    if (names.every((name, i) => words[i] === name)) {
      return { command, rest: argv.slice(names.length) };
    }
  }
  const hit = nearest(
    words.join(' '),
    COMMANDS.map(({ name }) => name),
  );
  const hint = hit === undefined ? 'see "sterna --help"' : `did you mean "sterna ${hit}"?`;
  throw new UsageError(`unknown command "${words[0]}", ${hint}`);
}

/** The one line for a failure, and its exit code. */
function explain(error: unknown): { line: string; code: number } {
  if (error instanceof UsageError || error instanceof ConfigError) {
    return { line: error.message, code: EXIT_USAGE };
  }
  if (error instanceof SternaError) return { line: error.message, code: EXIT_FAILED };
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { line: `fault: ${text}`, code: EXIT_FAILED };
}

const context: Context = {
  environment: process.env,
  print: (text) => void process.stdout.write(text),
  warn: (text) => void process.stderr.write(text),
  terminal: process.stdout.isTTY,
};

// Whoever read our output has gone, as in `sterna token | head -c 10`.
process.stdout.on('error', () => {});

try {
  process.exitCode = await main(process.argv.slice(2), context);
} catch (error) {
  const { line, code } = explain(error);
  process.stderr.write(`sterna: ${escapeText(line)}\n`);
  process.exitCode = code;
}
