// Associations that come and go leave nothing behind. STERNA_DTLS_CONNECTS sets how many; the long run is 10,000.

import { afterAll, expect, it } from 'vitest';
import { createDtlsContext } from '../../../sfu/dtls/context.ts';
import { openssl } from '../../../shared/native/openssl.ts';
import { nativeGrowth } from '../../support/native-heap.ts';
import {
  CERTIFICATE_A,
  CERTIFICATE_B,
  DtlsEnd,
  exchange,
  pairOf,
} from '../../support/sfu/dtls-end.ts';

const given = Number(process.env['STERNA_DTLS_CONNECTS'] ?? '');
const CONNECTS = given > 0 ? given : 1000;
/** Of V8, which takes from the same heap; an association that is not freed has 100 KB, a certificate 4. */
const NOISE_BYTES = 2 * 1024 * 1024;

/** Of a ClientHello of 9 bytes, none: OpenSSL answers with an alert. */
const EMPTY_FRAGMENT = Buffer.from('16fefd0000000000000000000c010000090000000000000000', 'hex');

const a = createDtlsContext(CERTIFICATE_A);
const b = createDtlsContext(CERTIFICATE_B);

afterAll(() => {
  a.free();
  b.free();
});

// Not `expect`: what it allocates would be most of what is measured.
function closed(end: DtlsEnd): void {
  if (end.closed.length !== 1) throw new Error(`closed ${end.closed.length} times`);
}

const ENDINGS: readonly ((active: DtlsEnd, passive: DtlsEnd) => void)[] = [
  function closedByOne(active, passive) {
    exchange(active, passive);
    active.transport.close();
    exchange(active, passive);
    closed(passive);
  },
  function closedByBoth(active, passive) {
    exchange(active, passive);
    passive.transport.close();
    active.transport.close();
  },
  function leftHalfWay(active, passive) {
    for (const hello of active.sent.splice(0)) passive.receive(hello, 0);
    for (const flight of passive.sent.splice(0)) active.receive(flight, 0);
    passive.transport.close();
    active.transport.handleTimeout(1e6);
  },
  function failedByAlert(active, passive) {
    passive.receive(EMPTY_FRAGMENT, 0);
    closed(passive);
    exchange(active, passive);
    closed(active);
  },
  function strangerRefused(active, passive) {
    const stranger = new DtlsEnd(b, 'active');
    stranger.transport.start(0);
    exchange(stranger, passive);
    closed(passive);
    stranger.transport.close();
    active.transport.close();
  },
];

function connect(index: number): void {
  const { active, passive } = pairOf(a, b);
  ENDINGS[index % ENDINGS.length]!(active, passive);
  const sessions = a.sessions + b.sessions;
  const states = `${active.transport.state} ${passive.transport.state}`;
  const error = openssl().ERR_peek_error();
  if (sessions > 0 || states !== 'closed closed' || error > 0) {
    throw new Error(`connect ${index}: ${states}, ${sessions} sessions, error ${error}`);
  }
}

it(
  `${CONNECTS} associations, ended in ${ENDINGS.length} ways, leave memory as it was`,
  { timeout: 600_000 },
  async () => {
    for (let index = 0; index < 300; index++) connect(index);
    const residentBefore = process.memoryUsage.rss();
    const grown = await nativeGrowth(CONNECTS, connect);
    const resident = process.memoryUsage.rss() - residentBefore;
    const told = { connects: CONNECTS, sessions: a.sessions + b.sessions, grown, resident };
    process.stdout.write(`DTLS memory: ${JSON.stringify(told)}\n`);
    expect(grown).toBeLessThan(NOISE_BYTES);
  },
);
