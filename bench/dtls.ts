// What a DTLS-SRTP handshake costs the server, in microseconds of its thread, and so how many participants may join a
// second. `npm run bench:dtls`; `-- --small` is the short run of the test suite. Client and server are ours, in one
// process without a network; the time of each is taken apart.

import { pathToFileURL } from 'node:url';
import type { DtlsContext } from '../shared/native/dtls-context.ts';
import { createDtlsCertificate, type DtlsCertificate } from '../sfu/dtls/certificate.ts';
import { createDtlsContext } from '../sfu/dtls/context.ts';
import { parseFingerprint, type DtlsFingerprint } from '../sfu/dtls/fingerprint.ts';
import { DtlsTransport } from '../sfu/dtls/transport.ts';
import { median } from './percentiles.ts';

export interface DtlsFigures {
  readonly handshakes: number;
  /** Microseconds a handshake, medians. */
  readonly serverUs: number;
  readonly clientUs: number;
  /** What one thread could do that does nothing else. */
  readonly perSecond: number;
}

interface Side {
  readonly context: DtlsContext;
  readonly announced: readonly DtlsFingerprint[];
}

/** One of two ends; its time counts, its datagrams wait for the other. */
class End {
  readonly transport: DtlsTransport;
  readonly sent: Uint8Array[] = [];
  connected = false;
  us = 0;

  constructor(side: Side, role: 'active' | 'passive') {
    this.transport = new DtlsTransport(side.context, role, {
      send: (bytes, offset, length) => this.sent.push(bytes.slice(offset, offset + length)),
      onConnected: () => (this.connected = true),
      onClosed: () => undefined,
    });
    this.transport.setRemoteFingerprints(side.announced);
  }

  timed(work: () => void): void {
    const start = performance.now();
    work();
    this.us += (performance.now() - start) * 1000;
  }

  takeFrom(other: End): void {
    const datagrams = other.sent.splice(0);
    this.timed(() => {
      for (const datagram of datagrams) {
        this.transport.receive(datagram, 0, datagram.length, 0);
      }
    });
  }
}

function handshake(client: Side, server: Side): readonly [client: number, server: number] {
  const active = new End(client, 'active');
  const passive = new End(server, 'passive');
  passive.timed(() => passive.transport.start(0));
  active.timed(() => active.transport.start(0));
  while (active.sent.length + passive.sent.length > 0) {
    passive.takeFrom(active);
    active.takeFrom(passive);
  }
  if (!active.connected || !passive.connected) throw new Error('no connection');
  active.transport.close();
  passive.timed(() => passive.transport.close());
  return [active.us, passive.us];
}

function announcementOf({ fingerprint }: DtlsCertificate): readonly DtlsFingerprint[] {
  const parsed = parseFingerprint(fingerprint);
  return parsed ? [parsed] : [];
}

/** `small` is a run whose figures are only there to be finite. */
export function run(small: boolean): DtlsFigures {
  const ours = createDtlsCertificate(Date.now());
  const theirs = createDtlsCertificate(Date.now());
  const server = { context: createDtlsContext(ours), announced: announcementOf(theirs) };
  const client = { context: createDtlsContext(theirs), announced: announcementOf(ours) };
  const handshakes = small ? 10 : 5000;
  const times = Array.from({ length: handshakes }, () => handshake(client, server));
  server.context.free();
  client.context.free();
  // The first tenth is for the compiler.
  const counted = times.slice(handshakes / 10);
  const serverUs = median(counted.map(([, us]) => us));
  const clientUs = median(counted.map(([us]) => us));
  return { handshakes, serverUs, clientUs, perSecond: 1e6 / serverUs };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { handshakes, serverUs, clientUs, perSecond } = run(process.argv.includes('--small'));
  console.log(`DTLS-SRTP handshakes: ${handshakes}. Node ${process.version}, ${process.arch}.`);
  console.log(`server ${serverUs.toFixed(0)} us, client ${clientUs.toFixed(0)} us each (medians)`);
  console.log(`a thread that does nothing else: ${perSecond.toFixed(0)} a second`);
}
