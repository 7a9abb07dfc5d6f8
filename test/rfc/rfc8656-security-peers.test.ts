// RFC 8656 s21.2 on every engine: no special range is a peer in any of its forms, and lists open and close what they
// name. What is sent is counted by the engine, so that nothing gets out unseen.
/* oxlint-disable vitest/no-standalone-expect -- onBoth is a test */

import { expect } from 'vitest';
import { ADDITIONAL_6, TurnClient } from '../support/turn/client.ts';
import { onBoth } from '../support/turn/drivers.ts';
import { inTurn } from '../support/turn/in-turn.ts';
import { address, drops, type World } from '../support/turn/world.ts';

/** The relays' own addresses, 127.0.0.1 and ::1, are another matter: see rfc8656-security.test.ts. */
const NO_PEERS: Record<string, string[]> = {
  loopback: ['127.0.0.2', '127.9.9.9', '127.255.255.255'],
  unspecified: ['0.0.0.0', '0.1.2.3', '::'],
  'IPv4 in IPv6': [
    '::ffff:127.0.0.1',
    '::127.0.0.1',
    '::ffff:0:127.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::7f00:1',
    '2002:7f00:1::1',
    '2001:0:7f00:1::1',
    '::ffff:169.254.169.254',
  ],
  'internal, metadata': [
    '10.0.0.1',
    '172.16.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '169.254.169.254',
    'fe80::1',
    'fec0::1',
    'fd00::1',
  ],
  'multicast, broadcast, reserved': [
    '224.0.0.1',
    '239.255.255.250',
    '255.255.255.255',
    '240.0.0.1',
    'ff02::1',
  ],
};

async function dualClient(world: World): Promise<TurnClient> {
  const client = await TurnClient.of(world);
  await client.allocate(ADDITIONAL_6);
  return client;
}

/** What CreatePermission and ChannelBind say to each. */
async function verdicts(client: TurnClient, hosts: readonly string[]): Promise<string[]> {
  return inTurn(hosts, async (host, i) => {
    const to = address(host, 5000);
    return `${host} ${(await client.permit(to)).outcome} ${(await client.bind(0x4000 + i, to)).outcome}`;
  });
}

for (const [what, hosts] of Object.entries(NO_PEERS)) {
  onBoth(
    `RFC 8656 s21.2: ${what}: refused 403 by default on every engine, and nothing leaves`,
    async (world) => {
      const client = await dualClient(world);
      const before = world.counters.sent;
      expect(await verdicts(client, hosts)).toEqual(hosts.map((host) => `${host} 403 403`));
      for (const [i, host] of hosts.entries()) {
        client.sendTo(address(host, 5000), Buffer.from('x'));
        client.sendChannel(0x4000 + i, Buffer.from('x'));
      }
      expect(await drops(world, 'no-permission')).toBe(hosts.length);
      expect(await drops(world, 'no-channel')).toBe(hosts.length);
      expect(world.counters.sent - before).toBe(2 * hosts.length);
      expect(world.counters.sendDropped).toBe(0);
    },
    { peers: { allow: [], deny: [] } },
  );
}

onBoth(
  'RFC 8656 s21.2: an allow list opens what it names and nothing beside it, on every engine',
  async (world) => {
    const client = await dualClient(world);
    const verdict = 'success success';
    expect(
      await verdicts(client, [
        '10.1.255.255',
        '10.2.0.0',
        '169.254.169.254',
        '169.254.169.253',
        'fd00::5',
        'fd00::4',
        '::ffff:10.1.0.1',
      ]),
    ).toEqual([
      `10.1.255.255 ${verdict}`,
      '10.2.0.0 403 403',
      `169.254.169.254 ${verdict}`,
      '169.254.169.253 403 403',
      `fd00::5 ${verdict}`,
      'fd00::4 403 403',
      '::ffff:10.1.0.1 403 403',
    ]);
  },
  { peers: { allow: ['10.1.0.0/16', '169.254.169.254/32', 'fd00::5/128'], deny: [] } },
);

onBoth(
  'RFC 8656 s21.2: an allow list of all IPv6 opens no IPv4 in it and no tunnel, on every engine',
  async (world) => {
    const client = await dualClient(world);
    const hosts = NO_PEERS['IPv4 in IPv6']!;
    expect(await verdicts(client, hosts)).toEqual(hosts.map((host) => `${host} 403 403`));
    expect(await verdicts(client, ['64:ff9b::808:808'])).toEqual([
      '64:ff9b::808:808 success success',
    ]);
  },
  { peers: { allow: ['::/0'], deny: [] } },
);

onBoth(
  'RFC 8656 s21.2: a denied IPv6 range is denied whatever the later bytes are, and its neighbours are not',
  async (world) => {
    const client = await dualClient(world);
    const verdict = 'success success';
    expect(
      await verdicts(client, [
        '2600:0:7f:ffff:ffff:ffff:ffff:ffff',
        '2600:0:80::',
        '2600:0:80:ff::1',
        '2600:0:ff::1',
        '2600:0:ff:ffff:ffff:ffff:ffff:ffff',
        '2600:0:100::',
        '2600:0:180::1',
      ]),
    ).toEqual([
      `2600:0:7f:ffff:ffff:ffff:ffff:ffff ${verdict}`,
      '2600:0:80:: 403 403',
      '2600:0:80:ff::1 403 403',
      '2600:0:ff::1 403 403',
      '2600:0:ff:ffff:ffff:ffff:ffff:ffff 403 403',
      `2600:0:100:: ${verdict}`,
      `2600:0:180::1 ${verdict}`,
    ]);
  },
  { peers: { allow: ['2600::/16'], deny: ['2600:0:80::/41'] } },
);
