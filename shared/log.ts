// One log: JSON lines by pino, or short lines for people. The event's name comes first, its facts follow.
// Called by: everything on the control plane; the packet path counts instead of logging.
// What outsiders sent is cut, escaped and cleared of secrets here, so that no caller can forget it.

import { pino } from 'pino';
import { escapeText, sanitize } from './log-fields.ts';
import type { LogFields } from './log-fields.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
type RecordLevel = (typeof LOG_LEVELS)[number];
export type LogLevel = RecordLevel | 'silent';
export type LogFormat = 'json' | 'pretty';

type Write = (event: string, fields?: LogFields) => void;

/**
 * `event` is a dotted name such as `room.created`; `fields` are its facts (durations end in `Ms`). Errors may
 * be handed over as they are. Values under a name that ends in `token`, `secret`, `password` or `credential`
 * are not printed.
 */
export interface Logger extends Readonly<Record<RecordLevel, Write>> {
  /** A logger that adds these fields to every line. */
  child(fields: LogFields): Logger;
}

/** The one that others are children of. */
export interface RootLogger extends Logger {
  /** The least that it and its children write from now on. */
  setLevel(level: LogLevel): void;
}

export interface LoggerOptions {
  level: LogLevel;
  format: LogFormat;
  /** Takes each finished line, newline included; standard output when left out. */
  write?: ((line: string) => void) | undefined;
  /** Colours for `pretty`; off when left out. */
  colour?: boolean | undefined;
}

interface Sink {
  setLevel(level: LogLevel): void;
  enabled(level: RecordLevel): boolean;
  emit(level: RecordLevel, event: string, fields: Record<string, unknown>): void;
}

/** A logger for the whole process; lines are written at once, so none is lost when the process ends. */
export function createLogger(options: LoggerOptions): RootLogger {
  const write = options.write ?? standardOutput();
  const sink = options.format === 'json' ? jsonSink(options, write) : prettySink(options, write);
  return { ...loggerOn(sink, {}), setLevel: (level) => sink.setLevel(level) };
}

/** Drops everything: for tests and for tools that print for themselves. */
export const silentLogger: Logger = loggerOn(
  { setLevel: () => {}, enabled: () => false, emit: () => {} },
  {},
);

/** Takes lines of `warn` and above, their fields cleared as those that are written. */
export interface LineKeeper {
  keep(level: KeptLevel, event: string, fields: Record<string, unknown>): void;
}

export const KEPT_LEVELS = ['warn', 'error', 'fatal'] as const;
export type KeptLevel = (typeof KEPT_LEVELS)[number];

/** The same log, whose warnings and errors are kept, too, whatever its level is. */
export function keptBy(keeper: LineKeeper, log: Logger, bound: LogFields = {}): Logger {
  const at =
    (level: KeptLevel): Write =>
    (event, fields) => {
      keeper.keep(level, event, sanitize({ ...bound, ...fields }));
      log[level](event, fields);
    };
  return {
    ...log,
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
    child: (fields) => keptBy(keeper, log.child(fields), { ...bound, ...fields }),
  };
}

function loggerOn(sink: Sink, bound: LogFields): Logger {
  const at =
    (level: RecordLevel): Write =>
    (event, fields) => {
      if (sink.enabled(level)) sink.emit(level, event, sanitize({ ...bound, ...fields }));
    };
  return {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
    child: (fields) => loggerOn(sink, { ...bound, ...fields }),
  };
}

function jsonSink(options: LoggerOptions, write: (line: string) => void): Sink {
  const logger = pino(
    {
      level: options.level,
      base: null,
      // Fields are already plain; pino's own treatment of `err` would rewrite them.
      serializers: { err: (value: unknown) => value },
      errorKey: '',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  );
  return {
    setLevel: (level) => {
      logger.level = level;
    },
    enabled: (level) => logger.isLevelEnabled(level),
    emit: (level, event, fields) => logger[level]({ event, ...fields }),
  };
}

const COLOURS: Readonly<Record<RecordLevel, number>> = {
  trace: 90,
  debug: 90,
  info: 32,
  warn: 33,
  error: 31,
  fatal: 31,
};

function indexOf(level: LogLevel): number {
  return level === 'silent' ? LOG_LEVELS.length : LOG_LEVELS.indexOf(level);
}

function prettySink(options: LoggerOptions, write: (line: string) => void): Sink {
  let from = indexOf(options.level);
  const paint = (code: number, text: string): string =>
    options.colour === true ? `\u001b[${code}m${text}\u001b[0m` : text;
  return {
    setLevel: (level) => {
      from = indexOf(level);
    },
    enabled: (level) => LOG_LEVELS.indexOf(level) >= from,
    emit: (level, event, fields) => {
      const time = new Date().toTimeString().slice(0, 8);
      const facts = Object.entries(fields).map(([name, value]) => ` ${name}=${printed(value)}`);
      const head = `${paint(90, time)} ${paint(COLOURS[level], level.padEnd(5))} ${event}`;
      write(`${head}${facts.join('')}\n`);
    },
  };
}

function printed(value: unknown): string {
  if (typeof value === 'string' && /^[\w.:/@+-]+$/.test(value)) return value;
  return escapeText(JSON.stringify(value) ?? 'undefined');
}

function standardOutput(): (line: string) => void {
  const destination = pino.destination({ fd: 1, sync: true });
  // Whoever read our log has gone; that must not take the meetings down with it.
  destination.on('error', () => {});
  return (line) => {
    destination.write(line);
  };
}
