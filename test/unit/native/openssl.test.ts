import { describe, expect, it } from 'vitest';
import { DtlsSession } from '../../../shared/native/dtls-session.ts';
import { openssl, probeOpenssl } from '../../../shared/native/openssl.ts';
import { CERTIFICATE_A, CERTIFICATE_B, contextOf } from '../../support/sfu/dtls-end.ts';

describe("Node's OpenSSL", () => {
  it('can be called, and is the one that Node names', () => {
    const probe = probeOpenssl();
    expect(probe).toMatchObject({ usable: true });
    expect(probe.usable && probe.version).toContain(process.versions.openssl.replace(/\+.*/, ''));
  });

  it('has a function that accepts every chain and looks at none', () => {
    expect(openssl().acceptAnyChain).toBeGreaterThan(0);
  });
});

describe('a DTLS context', () => {
  it.each([
    ['a certificate that is none', { ...CERTIFICATE_A, certificate: new Uint8Array(40) }, {}],
    ['a key that is none', { ...CERTIFICATE_A, privateKey: new Uint8Array(40) }, {}],
    ["another certificate's key", { ...CERTIFICATE_A, privateKey: CERTIFICATE_B.privateKey }, {}],
    ['an unknown SRTP profile', CERTIFICATE_A, { srtpProfiles: 'SRTP_ROT13' }],
  ])('is not made with %s, and OpenSSL keeps no error', (_title, certificate, changes) => {
    expect(() => contextOf(certificate, changes)).toThrow(/^OpenSSL: /);
    expect(openssl().ERR_peek_error()).toBe(0);
  });

  it('is not made with a timer that OpenSSL would take for none', () => {
    expect(() => contextOf(CERTIFICATE_A, { retransmitMs: 15 })).toThrow(/15 ms/);
  });
});

describe('a DTLS session', () => {
  it('is freed once, and throws instead of touching memory afterwards', () => {
    const context = contextOf(CERTIFICATE_A);
    const session = new DtlsSession(context, 'client');
    expect(context.sessions).toBe(1);
    session.free();
    session.free();
    expect(context.sessions).toBe(0);
    const sink = { send: (): void => expect.unreachable() };
    session.flush(sink);
    const uses: (() => unknown)[] = [
      () => session.put(new Uint8Array(20), 0, 20),
      () => session.handshake(),
      () => session.skip(),
      () => session.shutdown(),
      () => session.timeoutMs(),
      () => session.handleTimeout(),
      () => session.peerCertificateDigest('sha-256'),
      () => session.srtpProfile(),
      () => session.exportSrtpKeys(56),
    ];
    for (const use of uses) expect(use).toThrow(/freed/);
    context.free();
    expect(() => new DtlsSession(context, 'client')).toThrow(/context has been freed/);
  });

  it('has no certificate, no profile and no timer before the peer has spoken', () => {
    const context = contextOf(CERTIFICATE_A);
    const session = new DtlsSession(context, 'server');
    expect(session.peerCertificateDigest('sha-256')).toBeUndefined();
    expect(session.srtpProfile()).toBe(0);
    expect(session.timeoutMs()).toBe(Infinity);
    expect(session.handleTimeout()).toBe('again');
    expect(session.handshake()).toBe('again');
    expect(() => session.put(new Uint8Array(18_446), 0, 18_446)).toThrow(/too long/);
    expect(() => session.exportSrtpKeys(56)).toThrow(/handshake/);
    expect(openssl().ERR_peek_error()).toBe(0);
    session.free();
    context.free();
  });
});
