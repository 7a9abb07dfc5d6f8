// Looks whether the file of TURN users has changed, and has it read again then.
// Called by: the serve command.

import { unwatchFile, watchFile } from 'node:fs';
import type { Logger } from '../shared/log.ts';
import { ConfigError } from '../shared/config/config-error.ts';
import type { Reload } from './reload.ts';

/** By stat, since no notification tells of every way that a file is replaced. */
const LOOK_EVERY_MS = 2000;

/** Until the function returned is called. The users alone are taken over: nobody asked for the rest. */
export function watchUserFile(file: string, reload: Reload, log: Logger): () => void {
  const onStat = (): void => {
    reload
      .reload({ type: 'file', name: 'turn.userFile' }, ['turn.users'])
      .catch((error: unknown) => {
        // That of the configuration is in the log already.
        if (!(error instanceof ConfigError)) log.error('config.failed', { err: error });
      });
  };
  watchFile(file, { interval: LOOK_EVERY_MS, persistent: false }, onStat);
  return () => unwatchFile(file, onStat);
}
