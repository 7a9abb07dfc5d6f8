// What the kernel lost: where it did, a test of lost media has no verdict on us.

import { readFileSync } from 'node:fs';

/** Datagrams that no socket had room for so far, in this network namespace: somebody was too busy to read them. */
export function kernelDrops(): number {
  const [names = '', values = ''] = readFileSync('/proc/net/snmp', 'latin1')
    .split('\n')
    .filter((line) => line.startsWith('Udp:'));
  return Number(values.split(' ')[names.split(' ').indexOf('RcvbufErrors')]);
}
