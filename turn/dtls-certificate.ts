// The certificate that clients of TURN over DTLS are shown (RFC 7350 s3): from PEM files' text to what OpenSSL takes.
// Called by: the media worker, and the main thread before it hands the text over.

import { createPrivateKey, X509Certificate } from 'node:crypto';

/** The texts of PEM files: the certificate with its chain behind it, and the key. */
export interface PemCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface DerCertificate {
  readonly certificate: Uint8Array;
  readonly chain: readonly Uint8Array[];
  /** PKCS #8. */
  readonly privateKey: Uint8Array;
  readonly keyType: 'ec' | 'rsa';
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Certificates in one file: more are no chain. */
const CERTIFICATES_MAX = 16;

/** Throws an Error that says what is wrong with which of the two. */
export function readPemCertificate({ cert, key }: PemCertificate): DerCertificate {
  const blocks = cert.match(PEM_CERTIFICATE) ?? [];
  if (blocks.length > CERTIFICATES_MAX) throw new Error('the certificate file has too many');
  const [first, ...chain] = blocks.map((pem) => new X509Certificate(pem));
  if (first === undefined) throw new Error('the certificate file has no PEM certificate');
  const privateKey = createPrivateKey(key);
  const keyType = privateKey.asymmetricKeyType;
  if (keyType !== 'ec' && keyType !== 'rsa')
    throw new Error(`the key is ${keyType}, not EC or RSA`);
  if (!first.checkPrivateKey(privateKey)) throw new Error('the key is not of the certificate');
  return {
    certificate: first.raw,
    chain: chain.map(({ raw }) => raw),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'der' }),
    keyType,
  };
}
