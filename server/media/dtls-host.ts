// The certificate of TURN over DTLS on the main thread: shown to the media workers, and shown anew when its files
// change. The sessions are the workers'. Called by: MediaHost.

import { parseListenerUrl } from '../../shared/config/network-values.ts';
import type { TlsPair } from '../../shared/config/tls-pair.ts';
import { SternaError } from '../../shared/errors.ts';
import { type PemCertificate, readPemCertificate } from '../../turn/dtls-certificate.ts';
import type { MediaCommand } from './messages.ts';
import { whyNoOpenssl } from './openssl-probe.ts';
import type { TlsFiles } from '../tls-files.ts';
import type { TurnSettings } from './turn-options.ts';

export class DtlsHost {
  /** What workers start with. */
  certificate: PemCertificate;

  private constructor(files: TlsFiles, post: (command: MediaCommand) => void) {
    this.certificate = pemOf(files.pair);
    files.tell((pair) => {
      const certificate = checked(pair);
      return () => {
        this.certificate = certificate;
        post({ type: 'turn.certificate', certificate });
      };
    });
  }

  /**
   * Undefined where no listener asks for it. Rejects with SternaError TLS_UNAVAILABLE where OpenSSL cannot be called or
   * the files are of no use.
   */
  static async open(
    { listeners }: TurnSettings,
    files: TlsFiles | undefined,
    post: (command: MediaCommand) => void,
  ): Promise<DtlsHost | undefined> {
    const listener = listeners.find((url) => parseListenerUrl(url).transport === 'dtls');
    if (listener === undefined || files === undefined) return undefined;
    const reason = await whyNoOpenssl();
    if (reason !== undefined) throw new SternaError('TLS_UNAVAILABLE', `${listener}: ${reason}`);
    return new DtlsHost(files, post);
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
