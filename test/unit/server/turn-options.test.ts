// Which UDP sockets the configuration asks for: its listeners, and the further ones of NAT behavior discovery.

import { expect, test } from 'vitest';
import { loadConfig } from '../../../shared/config/load.ts';
import { udpAddresses } from '../../../server/media/turn-options.ts';

function addressesOf(listeners: string, natDiscovery: string): string[] {
  const environment = {
    STERNA_TURN_LISTENERS: listeners,
    STERNA_TURN_NAT_DISCOVERY: natDiscovery,
  };
  const { turn } = loadConfig({ environment, ipv6Loopback: true });
  return udpAddresses(turn).map((address) => address.toString());
}

const PRIMARY = 'udp://127.0.0.1:1001';

test('without NAT discovery there are the listeners and no more', () => {
  expect(addressesOf(`${PRIMARY},udp://[::1]:1001`, '')).toEqual(['127.0.0.1:1001', '[::1]:1001']);
});

test('NAT discovery adds the missing combinations of addresses and ports, behind the listeners', () => {
  expect(addressesOf(`udp://[::1]:9,${PRIMARY}`, 'udp://127.0.0.2:1002')).toEqual([
    '[::1]:9',
    '127.0.0.1:1001',
    '127.0.0.1:1002',
    '127.0.0.2:1001',
    '127.0.0.2:1002',
  ]);
});

test('a combination that is a listener already is opened once', () => {
  const listeners = `${PRIMARY},udp://127.0.0.2:1002,udp://127.0.0.2:1001`;
  expect(addressesOf(listeners, 'udp://127.0.0.2:1002')).toEqual([
    '127.0.0.1:1001',
    '127.0.0.2:1002',
    '127.0.0.2:1001',
    '127.0.0.1:1002',
  ]);
});
