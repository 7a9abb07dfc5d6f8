// What every command is made of, how its flags are read, and how a mistake in them is told: one line, exit
// code 2.
// Called by: main.ts and the commands.

import { parseArgs } from 'node:util';
import { nearest } from '../../shared/config/keys.ts';
import type { ConfigFlag, Environment } from '../../shared/config/sources.ts';
import { SternaError } from '../../shared/errors.ts';

export interface Context {
  environment: Environment;
  /** Writes to standard output. */
  print(text: string): void;
  /** Writes to standard error. */
  warn(text: string): void;
  terminal: boolean;
}

export interface Command {
  /** As typed: `config check`. */
  name: string;
  summary: string;
  /** Everything after the first line of `--help`. */
  help: string;
  /** Resolves with the exit code. */
  run(argv: string[], context: Context): Promise<number>;
}

export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

export class UsageError extends SternaError {
  constructor(message: string) {
    super('USAGE', message);
    this.name = 'UsageError';
  }
}

export interface FlagSpec {
  type: 'string' | 'boolean';
  /** May be given several times. */
  multiple?: boolean;
  short?: string;
}

export class Flags {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The value that was given last. */
  get(name: string): string | undefined {
    return this.#values.get(name)?.at(-1);
  }

  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }
}

/** The flags that every command with a configuration takes. */
export const CONFIG_FLAGS: Readonly<Record<string, FlagSpec>> = {
  config: { type: 'string', short: 'c' },
  set: { type: 'string', multiple: true },
};

export const CONFIG_FLAGS_HELP = `  -c, --config FILE        YAML configuration file (or STERNA_CONFIG)
      --set KEY=VALUE      set one key, such as --set turn.realm=example.org; repeatable`;

/** @throws UsageError that names the flag */
export function readFlags(
  command: string,
  argv: string[],
  specs: Readonly<Record<string, FlagSpec>>,
): Flags {
  const { tokens } = parseArgs({ args: argv, options: specs, strict: false, tokens: true });
  const values = new Map<string, string[]>();
  const fail = (what: string): UsageError =>
    new UsageError(`${what} (see "sterna ${command} --help")`);
  for (const token of tokens) {
    if (token.kind === 'positional') throw fail(`unexpected argument "${token.value}"`);
    if (token.kind === 'option-terminator') continue;
    const spec = Object.hasOwn(specs, token.name) ? specs[token.name] : undefined;
    if (!spec) {
      const hit = nearest(token.name, Object.keys(specs));
      throw fail(
        `unknown flag ${token.rawName}${hit === undefined ? '' : `, did you mean --${hit}?`}`,
      );
    }
    if (spec.type === 'boolean' && token.value !== undefined) {
      throw fail(`${token.rawName} takes no value`);
    }
    const missing = token.value === undefined || (!token.inlineValue && /^-./.test(token.value));
    if (spec.type === 'string' && missing) throw fail(`${token.rawName} needs a value`);
    const before = values.get(token.name) ?? [];
    if (before.length > 0 && spec.multiple !== true) throw fail(`${token.rawName} is given twice`);
    values.set(token.name, [...before, token.value ?? '']);
  }
  return new Flags(values);
}

/** `--set KEY=VALUE` and the short forms, as the configuration takes them. */
export function configFlags(
  flags: Flags,
  shortForms: Readonly<Record<string, string>>,
): ConfigFlag[] {
  const set = flags.all('set').map((pair): ConfigFlag => {
    const at = pair.indexOf('=');
    if (at < 1) throw new UsageError(`--set needs KEY=VALUE, such as --set turn.realm=example.org`);
    const key = pair.slice(0, at);
    return { flag: `--set ${key}`, key, value: pair.slice(at + 1) };
  });
  const short = Object.entries(shortForms).flatMap(([name, key]): ConfigFlag[] => {
    const value = flags.get(name);
    return value === undefined ? [] : [{ flag: `--${name}`, key, value }];
  });
  return [...set, ...short];
}
