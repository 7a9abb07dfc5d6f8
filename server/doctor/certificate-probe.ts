// Which certificate a TLS listener shows, and whether it is good today. Called by: the doctor.

import { once } from 'node:events';
import { connect } from 'node:tls';
import type { ListenerUrl } from '../../shared/config/network-values.ts';

const CONNECT_MS = 2500;

export interface ShownCertificate {
  readonly subject: string;
  readonly validTo: string;
  readonly isExpired: boolean;
}

/** @throws where nobody shows one */
export async function probeCertificate(
  { host, port }: Pick<ListenerUrl, 'host' | 'port'>,
  now: number,
): Promise<ShownCertificate> {
  const socket = connect({ host, port, rejectUnauthorized: false });
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(CONNECT_MS) });
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) throw new Error('it shows no certificate');
    const { subject, subjectAltName, validTo } = certificate;
    return {
      subject: (subjectAltName ?? subject ?? '').replaceAll('\n', ', '),
      validTo,
      isExpired: Date.parse(validTo) < now,
    };
  } finally {
    socket.destroy();
  }
}
