// What names one allocation among those that share a relay port, inside the process: an address that no datagram can
// come from, in the place of its relayed transport address. Of the discard prefix 100::/64 (RFC 6666).
// Called by: FewPorts, RelayPath, TurnServer. Allocates: nothing but in `relayAlias`.

import { TransportAddress } from '../shared/net/transport-address.ts';

/** 100::/64, by its first two words; then the worker and the number of the relay address, and the allocation. */
const DISCARD_W0 = 0x0100_0000;
const HOST_BITS = 8;
const HOST_MASK = (1 << HOST_BITS) - 1;

/**
 * @param host the number of the relay address
 * @param number differs between the relays of a worker, below 2^32
 * @param port that of the relayed transport address
 */
export function relayAlias(
  worker: number,
  host: number,
  number: number,
  port: number,
): TransportAddress {
  const place = (worker << HOST_BITS) | host;
  return new TransportAddress().setV6(DISCARD_W0, 0, place, number, port);
}

/** The worker that has the allocation; -1 for an address that is no alias. */
export function workerOfAlias(alias: TransportAddress): number {
  return isAlias(alias) ? alias.w2 >>> HOST_BITS : -1;
}

/** The number of its relay address; -1 for an address that is no alias. */
export function hostOfAlias(alias: TransportAddress): number {
  return isAlias(alias) ? alias.w2 & HOST_MASK : -1;
}

function isAlias({ family, w0, w1 }: TransportAddress): boolean {
  return family === 6 && w0 === DISCARD_W0 && w1 === 0;
}
