// `sterna serve`: runs the server until it is told to stop. SIGTERM and SIGINT drain, for as long as `drain.timeout`
// says; a second one ends it at once.

import { ConfigError } from '../../shared/config/config-error.ts';
import type { Config } from '../../shared/config/load.ts';
import { loadConfig } from '../../shared/config/load.ts';
import { DEVELOPMENT_KEY } from '../../shared/config/development.ts';
import { createLogger } from '../../shared/log.ts';
import type { Logger } from '../../shared/log.ts';
import { developmentBanner } from '../banner.ts';
import { publishDevKey } from '../dev-key.ts';
import { VERSION } from '../package-root.ts';
import type { Server } from '../server.ts';
import { watchUserFile } from '../user-file-watch.ts';
import { CONFIG_FLAGS, CONFIG_FLAGS_HELP, configFlags, EXIT_OK, readFlags } from './command.ts';
import type { Command, Context } from './command.ts';
import { stopSignal } from './stop-signal.ts';

export const serve: Command = {
  name: 'serve',
  summary: 'run the server (what happens without a command)',
  help: `Without a configuration file and without keys it runs in development mode: on this
machine only, with secrets made up for the run.

${CONFIG_FLAGS_HELP}
      --bind ADDRESS       address of the page and of signaling (key bind)
      --port PORT          TCP port of the page and of signaling (key gateway.port)
      --log-level LEVEL    trace, debug, info, warn, error, fatal or silent (key log.level)`,

  run: async (argv, context) => {
    const flags = readFlags('serve', argv, {
      ...CONFIG_FLAGS,
      bind: { type: 'string' },
      port: { type: 'string' },
      'log-level': { type: 'string' },
    });
    const read = (): Config =>
      loadConfig({
        file: flags.get('config'),
        environment: context.environment,
        flags: configFlags(flags, { bind: 'bind', port: 'gateway.port', 'log-level': 'log.level' }),
        terminal: context.terminal,
      });
    const config = read();
    const { level, format } = config.log;
    const log = createLogger({ level, format, colour: context.terminal });
    logFaults(log);
    const stopped = stopSignal();
    for (const warning of config.warnings) log.warn('config.warning', { warning });
    // In development mode secrets are made up with each reading.
    const userFile = config.mode === 'development' ? '' : config.turn.userFile;
    // Nobody waits for it who only wants help, a token or to hear what is wrong with a configuration.
    const { Server: Main } = await import('../server.ts');
    const server = await Main.start(config, log, {
      read: config.file === undefined && userFile === '' ? undefined : read,
      setLogLevel: (to) => log.setLevel(to),
    });
    // Without a file of any kind there is nothing to read again, and the end of its terminal ends the server as others.
    const { turn, gateway, audit } = config;
    const files = [config.file ?? '', turn.tls.cert, gateway.tls.cert, audit.file];
    const hasFiles = files.some((file) => file !== '');
    if (hasFiles) reloadOnHangUp(server, log);
    const unwatch = userFile === '' ? noop : watchUserFile(userFile, server.reload, log);
    const withdraw = config.mode === 'development' ? develop(server, config, log, context) : noop;
    const { url, listeners, media, engine } = server;
    const { mode } = config;
    log.info('server.ready', { version: VERSION, url, listeners, media, mode, engine });
    const signal = await stopped;
    unwatch();
    const timeoutMs = config.drain.timeout * 1000;
    const by = { type: 'signal', name: signal } as const;
    if (timeoutMs > 0) await server.drain(timeoutMs, by);
    await server.close(by);
    withdraw();
    return EXIT_OK;
  },
};

function noop(): void {}

/** Prints where to click, and lets `sterna token` of the same user make tokens while the server runs. */
function develop(server: Server, config: Config, log: Logger, context: Context): () => void {
  context.print(developmentBanner(server, config, VERSION));
  try {
    const withdraw = publishDevKey({
      pid: process.pid,
      url: server.url,
      key: DEVELOPMENT_KEY,
      secret: config.keys[DEVELOPMENT_KEY] ?? '',
      turnSecret: config.turn.secrets[0] ?? '',
      listeners: server.listeners,
      media: [...server.media],
    });
    const withdrawQuietly = (): void => {
      try {
        withdraw();
      } catch (error) {
        log.warn('dev_key.not_removed', { err: error });
      }
    };
    process.on('exit', withdrawQuietly);
    return withdrawQuietly;
  } catch (error) {
    log.warn('dev_key.not_written', { err: error });
    return noop;
  }
}

function reloadOnHangUp(server: Server, log: Logger): void {
  process.on('SIGHUP', () => {
    server.reload.reload({ type: 'signal', name: 'SIGHUP' }).catch((error: unknown) => {
      // That of the configuration is in the log already.
      if (!(error instanceof ConfigError)) log.error('config.failed', { err: error });
    });
  });
}

/** A fault that nothing caught is a state that nobody planned: one line, and out. */
function logFaults(log: Logger): void {
  process.on('uncaughtException', (error, origin) => {
    log.fatal('process.fault', { origin, err: error });
    process.exit(1);
  });
}
