// Which certificate an HTTPS listener shows. Called by: the doctor.

import type { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:tls';

const CONNECT_MS = 2500;

/** @throws where nobody shows one */
export async function shownCertificate(at: {
  readonly host: string;
  readonly port: number;
}): Promise<X509Certificate> {
  const socket = connect({ ...at, rejectUnauthorized: false });
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(CONNECT_MS) });
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) throw new Error('it shows no certificate');
    return certificate;
  } finally {
    socket.destroy();
  }
}
