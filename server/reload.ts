// Reading the configuration anew while the server runs. An invalid one changes nothing; one reload at a time.
// Called by: the API and the serve command's SIGHUP.

import { ConfigError } from '../shared/config/config-error.ts';
import type { Config } from '../shared/config/load.ts';
import { takeOver, type Changes } from '../shared/config/reload.ts';
import type { Logger } from '../shared/log.ts';
import { nameOfActor } from './audit/audit.ts';
import type { Actor, Audit } from './audit/audit.ts';

export interface ReloadParts {
  readonly log: Logger;
  readonly audit: Audit;
  /** Reads all sources again. Undefined where there is no file: environment and flags cannot change. @throws ConfigError */
  readonly read: (() => Config) | undefined;
  /** Has every part of the server go by that configuration. */
  apply(config: Config): Promise<void>;
}

export class Reload {
  readonly #parts: ReloadParts;
  readonly #hooks: (() => Promise<void>)[] = [];
  #running: Config;
  #last: Promise<unknown> = Promise.resolve();

  constructor(running: Config, parts: ReloadParts) {
    this.#running = running;
    this.#parts = parts;
  }

  /** What the server goes by. */
  get running(): Config {
    return this.#running;
  }

  /** Has that done with every reload whose configuration is valid, changed or not: for what has files of its own. */
  onReload(hook: () => Promise<void>): void {
    this.#hooks.push(hook);
  }

  /**
   * Undefined where there is nothing to read. Rejects with a ConfigError of one line, and nothing has changed.
   * @param only keys to look at, all when left out
   */
  reload(by: Actor, only?: readonly string[]): Promise<Changes | undefined> {
    const done = this.#last.then(() => this.#reload(by, only));
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #reload(by: Actor, only?: readonly string[]): Promise<Changes | undefined> {
    const { log, audit, read } = this.#parts;
    if (read === undefined) {
      await this.#runHooks();
      return undefined;
    }
    let found: Config;
    try {
      found = read();
    } catch (error) {
      if (error instanceof ConfigError) {
        log.error('config.invalid', { problem: error.message, by: nameOfActor(by) });
      }
      audit.record(by, 'config.reload', {}, 'CONFIG_INVALID');
      throw error;
    }
    const { config, changes } = takeOver(this.#running, found, only);
    for (const warning of found.warnings) log.warn('config.warning', { warning });
    this.#running = config;
    await this.#parts.apply(config);
    await this.#runHooks();
    log.info('config.reloaded', { ...changes, by: nameOfActor(by) });
    audit.record(by, 'config.reload', { ...changes }, 'ok');
    return changes;
  }

  async #runHooks(): Promise<void> {
    for (const hook of this.#hooks) {
      // oxlint-disable-next-line no-await-in-loop -- in their order
      await hook();
    }
  }
}
