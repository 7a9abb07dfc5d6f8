// One end of a DTLS association under test: a transport whose sink keeps what it is told, and whose datagrams wait
// for whoever plays the network.

import { DtlsContext } from '../../../shared/native/dtls-context.ts';
import { createDtlsCertificate, type DtlsCertificate } from '../../../sfu/dtls/certificate.ts';
import { parseFingerprint, type DtlsFingerprint } from '../../../sfu/dtls/fingerprint.ts';
import { SRTP_PROFILE_NAMES, type SrtpKeys } from '../../../sfu/srtp/profile.ts';
import { DtlsTransport, type DtlsCloseReason } from '../../../sfu/dtls/transport.ts';

export class DtlsEnd {
  readonly transport: DtlsTransport;
  /** What it has sent and nobody has taken. */
  readonly sent: Uint8Array[] = [];
  readonly keys: SrtpKeys[] = [];
  readonly closed: { readonly reason: DtlsCloseReason; readonly detail: string }[] = [];

  constructor(context: DtlsContext, role: 'active' | 'passive') {
    this.transport = new DtlsTransport(context, role, {
      send: (bytes, offset, length) => this.sent.push(bytes.slice(offset, offset + length)),
      onConnected: (keys) => this.keys.push(keys),
      onClosed: (reason, detail) => this.closed.push({ reason, detail }),
    });
  }

  receive(datagram: Uint8Array, now: number): void {
    this.transport.receive(datagram, 0, datagram.length, now);
  }

  /** Connected or closed. */
  get settled(): boolean {
    return this.keys.length > 0 || this.closed.length > 0;
  }
}

export const CERTIFICATE_A = createDtlsCertificate(Date.now());
export const CERTIFICATE_B = createDtlsCertificate(Date.now());

export interface ContextChanges {
  readonly srtpProfiles?: string;
  readonly datagramBytesMax?: number;
  readonly retransmitMs?: number;
}

export function contextOf(
  { certificate, privateKey }: DtlsCertificate,
  changes: ContextChanges = {},
): DtlsContext {
  return new DtlsContext({
    certificate,
    privateKey,
    srtpProfiles: SRTP_PROFILE_NAMES,
    datagramBytesMax: 1200,
    retransmitMs: 100,
    ...changes,
  });
}

export function fingerprintOf({ fingerprint }: DtlsCertificate): DtlsFingerprint {
  const parsed = parseFingerprint(fingerprint);
  if (!parsed) throw new Error(`not a fingerprint: ${fingerprint}`);
  return parsed;
}

/** Carries datagrams both ways until neither end has any. */
export function exchange(one: DtlsEnd, other: DtlsEnd, now = 0): void {
  while (one.sent.length + other.sent.length > 0) {
    for (const datagram of one.sent.splice(0)) other.receive(datagram, now);
    for (const datagram of other.sent.splice(0)) one.receive(datagram, now);
  }
}

/** Both started, each with the other's fingerprint: A in the active role, B in the passive one. */
export function pairOf(a: DtlsContext, b: DtlsContext): { active: DtlsEnd; passive: DtlsEnd } {
  const active = new DtlsEnd(a, 'active');
  const passive = new DtlsEnd(b, 'passive');
  active.transport.setRemoteFingerprints([fingerprintOf(CERTIFICATE_B)]);
  passive.transport.setRemoteFingerprints([fingerprintOf(CERTIFICATE_A)]);
  passive.transport.start(0);
  active.transport.start(0);
  return { active, passive };
}

/** The keys of two ends as each must have them, crosswise. */
export function crossed(keys: SrtpKeys | undefined): SrtpKeys | undefined {
  return keys && { profile: keys.profile, local: keys.remote, remote: keys.local };
}
