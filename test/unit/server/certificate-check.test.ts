// What the doctor says of a certificate: how long it is good, and whether for the names that clients come by.

import { readFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { checkCertificate, namesOf } from '../../../server/doctor/certificate-check.ts';
import { Report } from '../../../server/doctor/report.ts';
import { makeTlsFiles } from '../../support/tls-files.ts';

/** Of localhost, 127.0.0.1 and ::1, good for thirty days. */
const certificate = new X509Certificate(readFileSync(makeTlsFiles('turn.example.org').cert));
const END = Date.parse(certificate.validTo);
const DAY = 86_400_000;

function say(nowMs: number, names: readonly string[] = []): { lines: string[]; failures: number } {
  const lines: string[] = [];
  const report = new Report((line) => lines.push(line.trimEnd()));
  checkCertificate('tls://192.0.2.1:5349', certificate, names, nowMs, report);
  return { lines, failures: report.failures };
}

test.each([
  [
    20 * DAY,
    'ok   ',
    /^.{16} tls:\/\/192\.0\.2\.1:5349 is DNS:localhost, .*, until .*, 20 days left$/,
    0,
  ],
  [14 * DAY, 'ok   ', /, 14 days left$/, 0],
  [14 * DAY - 1, 'warn ', /, 13 days left: renew turn\.tls\.cert/, 0],
  [0, 'warn ', /, 0 days left: renew/, 0],
  [-1, 'FAIL ', /: it has expired: renew turn\.tls\.cert/, 1],
  [31 * DAY, 'FAIL ', /, not before .*: set the clock, or wait$/, 1],
])('%d ms before its end', (left, level, said, failures) => {
  const result = say(END - left);
  expect(result.lines).toEqual([expect.stringMatching(said)]);
  expect(result.lines[0]!.slice(0, 5)).toBe(level);
  expect(result.failures).toBe(failures);
});

test('a name that it has not is told once, and a common name is none', () => {
  expect(say(END - 20 * DAY, ['localhost', '127.0.0.1', '::1']).lines).toHaveLength(1);
  const { lines, failures } = say(END - 20 * DAY, ['turn.example.org', '192.0.2.1', '192.0.2.1']);
  expect(lines.slice(1)).toEqual([
    expect.stringMatching(/^FAIL {2}tls .* is not for turn\.example\.org: .*turn\.advertise/),
    expect.stringMatching(/^FAIL {2}tls .* is not for 192\.0\.2\.1: /),
  ]);
  expect(failures).toBe(2);
});

test('names are those of the URLs that clients are handed', () => {
  const relay = { addresses: ['10.0.0.5'], external: { '10.0.0.5': '192.0.2.10' }, ports: '' };
  const none = { advertise: [], relay };
  expect(namesOf('tls://10.0.0.5:5349', none)).toEqual(['192.0.2.10']);
  expect(namesOf('tls://[2001:db8::1]:5349', none)).toEqual(['2001:db8::1']);
  expect(namesOf('tls://0.0.0.0:5349', none)).toEqual([]);
  expect(namesOf('dtls://10.0.0.5:5349', none)).toEqual([]);
  const advertise = [
    'turn:plain.example.org:3478',
    'turns:turn.example.org:5349?transport=tcp',
    'turns:[2001:db8::1]',
    'stuns:stun.example.org',
  ];
  expect(namesOf('dtls://0.0.0.0:5349', { advertise, relay })).toEqual([
    'turn.example.org',
    '2001:db8::1',
    'stun.example.org',
  ]);
});
