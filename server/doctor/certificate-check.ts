// Whether the certificate of TLS and DTLS listeners is good, for how long, and for the names that clients come by.
// Called by: the doctor's check of TURN.

import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { isWildcard, parseListenerUrl } from '../../shared/config/network-values.ts';
import type { Settings } from '../../shared/config/schema.ts';
import type { Report } from './report.ts';

const DAY_MS = 86_400_000;
/** Renewals that work come a month ahead, or at a third of the time that is left. */
const DAYS_LEFT_MIN = 14;

/** The names that clients look for in the certificate of a listener: those of the URLs that they are handed. */
export function namesOf(
  listener: string,
  { advertise, relay }: Pick<Settings['turn'], 'advertise' | 'relay'>,
): string[] {
  if (advertise.length > 0) return advertise.flatMap((url) => secureHost(url) ?? []);
  const { transport, host } = parseListenerUrl(listener);
  // Nobody is handed a URL of DTLS; under which name a wildcard is reached shows only in a page's own URL.
  return transport !== 'tls' || isWildcard(host) ? [] : [relay.external[host] ?? host];
}

/** @param file the key of the configuration that names it; @param where whose certificate it is; @param nowMs the time of day, in milliseconds since 1970 */
export function checkCertificate(
  where: string,
  certificate: X509Certificate,
  names: readonly string[],
  nowMs: number,
  report: Report,
  file = 'turn.tls.cert',
): void {
  const { subject, subjectAltName, validFrom, validTo } = certificate;
  const whose = (subjectAltName ?? subject ?? '').replaceAll('\n', ', ');
  const daysLeft = Math.floor((Date.parse(validTo) - nowMs) / DAY_MS);
  const found = `${where} is ${whose}, until ${validTo}`;
  const renew = `renew ${file}; a renewed file is taken by itself`;
  if (Date.parse(validTo) < nowMs) report.fail('tls', found, `it has expired: ${renew}`);
  else if (Date.parse(validFrom) > nowMs) {
    report.fail('tls', `${where} is ${whose}, not before ${validFrom}`, 'set the clock, or wait');
  } else if (daysLeft < DAYS_LEFT_MIN) report.warn('tls', `${found}, ${daysLeft} days left`, renew);
  else report.ok('tls', `${found}, ${daysLeft} days left`);
  for (const name of new Set(names)) {
    if (isFor(certificate, name)) continue;
    const fix = 'clients refuse it: say a name that it has in turn.advertise, or get one for both';
    report.fail('tls', `${where} is not for ${name}`, fix);
  }
}

/** As browsers do, which look at no common name (RFC 9525 s6). */
function isFor(certificate: X509Certificate, name: string): boolean {
  const matched =
    isIP(name) === 0
      ? certificate.checkHost(name, { subject: 'never' })
      : certificate.checkIP(name);
  return matched !== undefined;
}

/** The host of `turns:` and `stuns:` URLs (RFC 7064 s3.1, RFC 7065 s3.1); undefined for others. */
function secureHost(url: string): string | undefined {
  const parts = /^(?:stuns|turns):(?:\[([^\]]+)\]|([^:?[]+))/i.exec(url);
  return parts?.[1] ?? parts?.[2];
}
