// The files of `turn.tls`, where a listener shows their certificate. Called by: MediaHost.

import { parseListenerUrl } from '../../shared/config/network-values.ts';
import type { Logger } from '../../shared/log.ts';
import { TlsFiles } from '../tls-files.ts';
import type { TurnSettings } from './turn-options.ts';

/** Undefined where no listener asks for a certificate. */
export async function openTurnFiles(
  { listeners, tls }: TurnSettings,
  log: Logger,
): Promise<TlsFiles | undefined> {
  const isAsked = listeners.some((url) =>
    ['tls', 'dtls'].includes(parseListenerUrl(url).transport),
  );
  return isAsked ? TlsFiles.open({ log, group: 'turn', ...tls }) : undefined;
}
