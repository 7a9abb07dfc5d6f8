// The certificate of TURN over DTLS on the main thread: read from its files, shown to the media workers, and shown anew
// when the files change. The sessions are the workers'. Called by: MediaHost.

import { parseListenerUrl } from '../../shared/config/network-values.ts';
import type { TlsPair } from '../../shared/config/tls-pair.ts';
import { SternaError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { type PemCertificate, readPemCertificate } from '../../turn/dtls-certificate.ts';
import type { MediaCommand } from './messages.ts';
import { whyNoOpenssl } from './openssl-probe.ts';
import { TlsFiles } from '../tls-files.ts';
import type { TurnSettings } from './turn-options.ts';

export class DtlsHost {
  readonly #files: TlsFiles;

  private constructor(files: TlsFiles) {
    this.#files = files;
  }

  /**
   * Undefined where no listener asks for it. Rejects with SternaError TLS_UNAVAILABLE where OpenSSL cannot be called or
   * the files are of no use.
   */
  static async open(
    { listeners, tls }: TurnSettings,
    log: Logger,
    post: (command: MediaCommand) => void,
  ): Promise<DtlsHost | undefined> {
    const listener = listeners.find((url) => parseListenerUrl(url).transport === 'dtls');
    if (listener === undefined) return undefined;
    const reason = await whyNoOpenssl();
    if (reason !== undefined) throw new SternaError('TLS_UNAVAILABLE', `${listener}: ${reason}`);
    const onChange = (pair: TlsPair): void => {
      post({ type: 'turn.certificate', certificate: checked(pair) });
    };
    const files = await TlsFiles.open({ log, group: 'turn', ...tls, onChange });
    checked(files.pair);
    return new DtlsHost(files);
  }

  /** What workers start with. */
  get certificate(): PemCertificate {
    return pemOf(this.#files.pair);
  }

  reload(): Promise<void> {
    return this.#files.reload();
  }

  close(): void {
    this.#files.close();
  }
}

const pemOf = ({ cert, key }: TlsPair): PemCertificate => ({
  cert: cert.toString('latin1'),
  key: key.toString('latin1'),
});

/** A key of a kind that DTLS has no use for is found out here, not in a worker. */
function checked(pair: TlsPair): PemCertificate {
  const pem = pemOf(pair);
  try {
    readPemCertificate(pem);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SternaError('TLS_UNAVAILABLE', `turn.tls, for dtls:// listeners: ${why}`);
  }
  return pem;
}
