// The DTLS context of a media worker, as WebRTC wants it: RFC 8827 s6.5 for the ciphers, RFC 5764 for SRTP.

import { DtlsContext } from '../../shared/native/dtls-context.ts';
import { SRTP_PROFILE_NAMES } from '../srtp/profile.ts';
import type { DtlsCertificate } from './certificate.ts';
import { DATAGRAM_BYTES_MAX, RETRANSMIT_MS } from './limits.ts';

/** Throws where OpenSSL cannot be called: `probeOpenssl` tells beforehand. The caller frees it, after its transports. */
export function createDtlsContext({ certificate, privateKey }: DtlsCertificate): DtlsContext {
  return new DtlsContext({
    certificate,
    privateKey,
    srtpProfiles: SRTP_PROFILE_NAMES,
    datagramBytesMax: DATAGRAM_BYTES_MAX,
    retransmitMs: RETRANSMIT_MS,
  });
}
