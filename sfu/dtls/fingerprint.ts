// Certificate fingerprints as SDP has them (RFC 8122 s5), and whether a peer's certificate is one of those announced.

import { timingSafeEqual } from 'node:crypto';
import type { DtlsHash } from '../../shared/native/dtls-session.ts';
import { FINGERPRINTS_MAX } from './limits.ts';

export interface DtlsFingerprint {
  readonly hash: DtlsHash;
  readonly digest: Uint8Array;
}

/** The strongest first. RFC 8122 s5 also registers sha-1, sha-224, md5 and md2: too weak, and no browser sends them. */
const HASHES: readonly { readonly hash: DtlsHash; readonly bytes: number }[] = [
  { hash: 'sha-512', bytes: 64 },
  { hash: 'sha-384', bytes: 48 },
  { hash: 'sha-256', bytes: 32 },
];

/** @returns `sha-256 AB:CD:...` */
export function formatFingerprint(hash: DtlsHash, digest: Uint8Array): string {
  const pairs = Array.from(digest, (byte) => byte.toString(16).toUpperCase().padStart(2, '0'));
  return `${hash} ${pairs.join(':')}`;
}

/** Reads what stands after `a=fingerprint:`; undefined for another syntax, another length, or a hash not used here. */
export function parseFingerprint(text: string): DtlsFingerprint | undefined {
  const space = text.indexOf(' ');
  const name = text.slice(0, Math.max(space, 0)).toLowerCase();
  const known = HASHES.find(({ hash }) => hash === name);
  const hex = text.slice(space + 1);
  if (!known || hex.length !== 3 * known.bytes - 1) return undefined;
  if (!/^[\dA-Fa-f]{2}(?::[\dA-Fa-f]{2})*$/.test(hex)) return undefined;
  return { hash: known.hash, digest: Buffer.from(hex.replaceAll(':', ''), 'hex') };
}

/** Those that count: all of the strongest hash function among them (RFC 8122 s5.1). Empty when there is none. */
export function decisiveFingerprints(
  announced: readonly DtlsFingerprint[],
): readonly DtlsFingerprint[] {
  if (announced.length > FINGERPRINTS_MAX) return [];
  const strongest = HASHES.find(({ hash }) => announced.some((one) => one.hash === hash));
  return announced.filter(({ hash }) => hash === strongest?.hash);
}

/** Whether that digest is among them. Compares with every one, each in constant time. */
export function isAnnounced(digest: Uint8Array, decisive: readonly DtlsFingerprint[]): boolean {
  let found = false;
  for (const one of decisive) {
    if (one.digest.length === digest.length && timingSafeEqual(one.digest, digest)) found = true;
  }
  return found;
}
