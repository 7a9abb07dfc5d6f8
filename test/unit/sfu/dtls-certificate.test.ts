import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { expect, it } from 'vitest';
import { createDtlsCertificate } from '../../../sfu/dtls/certificate.ts';

const DAY_MS = 86_400_000;

it.each([
  '2026-11-21T04:32:07Z',
  '2039-12-31T23:59:59Z',
  '2049-12-31T00:00:00Z',
  '2050-01-02T03:04:05Z',
])('a certificate made on %s is one that OpenSSL reads and believes', (date) => {
  const now = Date.parse(date);
  const made = createDtlsCertificate(now);
  const x509 = new X509Certificate(made.certificate);
  expect(x509.verify(x509.publicKey)).toBe(true);
  expect(
    x509.checkPrivateKey(
      createPrivateKey({ key: Buffer.from(made.privateKey), format: 'der', type: 'pkcs8' }),
    ),
  ).toBe(true);
  expect(x509.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
  expect(x509.subject).toBe('CN=Sterna');
  expect(x509.issuer).toBe('CN=Sterna');
  expect(Date.parse(x509.validFrom)).toBe(now - DAY_MS);
  expect(Date.parse(x509.validTo)).toBe(now + 3650 * DAY_MS);
  expect(x509.fingerprint256).toBe(made.fingerprint.slice('sha-256 '.length));
  expect(made.fingerprint).toMatch(/^sha-256 [\dA-F]{2}(?::[\dA-F]{2}){31}$/);
  expect(createHash('sha256').update(made.certificate).digest('hex')).toBe(
    x509.fingerprint256.replaceAll(':', '').toLowerCase(),
  );
});

it('serial numbers are random, positive, and 16 bytes long', () => {
  const serials = Array.from(
    { length: 50 },
    () => new X509Certificate(createDtlsCertificate(Date.now()).certificate).serialNumber,
  );
  expect(new Set(serials).size).toBe(50);
  for (const serial of serials) expect(serial).toMatch(/^[4-7][\dA-F]{31}$/);
});

it('a certificate survives the way to another thread', () => {
  const made = createDtlsCertificate(Date.now());
  const copy = structuredClone(made);
  expect(Buffer.from(copy.certificate)).toEqual(made.certificate);
  expect(Buffer.from(copy.privateKey)).toEqual(made.privateKey);
  expect(copy.fingerprint).toBe(made.fingerprint);
});
