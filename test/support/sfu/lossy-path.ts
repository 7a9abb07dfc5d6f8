// A path between two DTLS ends that loses, repeats and reorders datagrams as it is told, and the clock that makes both
// send again. OpenSSL reads the machine's clock for that, so here time is real: few milliseconds for each loss.

import { setTimeout as sleep } from 'node:timers/promises';
import type { DtlsEnd } from './dtls-end.ts';

/** What happens to the n-th datagram of the association: so many copies arrive. */
export type Copies = (n: number) => number;

/** Puts the datagrams that are on the way into the order of their arrival. */
export type Reorder = (datagrams: Uint8Array[]) => void;

/** Carries datagrams until both ends have settled and nothing is on the way; returns how many were sent. */
export async function settle(
  one: DtlsEnd,
  other: DtlsEnd,
  copies: Copies,
  reorder: Reorder = () => undefined,
): Promise<number> {
  let count = 0;
  const carry = (from: DtlsEnd, to: DtlsEnd): void => {
    const arriving = from.sent
      .splice(0)
      .flatMap((datagram) => Array.from({ length: copies(count++) }, () => datagram));
    reorder(arriving);
    for (const datagram of arriving) to.receive(datagram, performance.now());
  };
  for (;;) {
    while (one.sent.length + other.sent.length > 0) {
      carry(one, other);
      carry(other, one);
    }
    if (one.settled && other.settled) return count;
    const now = performance.now();
    const next = Math.min(one.transport.nextTimeout(), other.transport.nextTimeout());
    await sleep(Math.max(1, next - now));
    for (const { transport } of [one, other]) transport.handleTimeout(performance.now());
  }
}
