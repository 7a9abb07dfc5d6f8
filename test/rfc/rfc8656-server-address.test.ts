// RFC 8489 s6.3.1.2, RFC 8656 s6: a server that listens at every address of its machine answers from the one it was
// asked at, and keeps allocations of one client at two of them apart. All of 127/8 is this machine's on Linux.

import { expect, describe, it } from 'vitest';
import type { TransportAddress } from '../../shared/net/transport-address.ts';
import {
  ALLOCATE,
  BINDING,
  describeRelayed,
  receivedBy,
  TurnClient,
  UDP,
} from '../support/turn/client.ts';
import { onWildcard } from '../support/turn/drivers.ts';
import { inTurn } from '../support/turn/in-turn.ts';
import { address, allDrops, type World } from '../support/turn/world.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

/** Server addresses at which the world listens. */
function places(world: World): TransportAddress[] {
  const { port } = world.listener4;
  return ['127.0.0.1', '127.0.0.2', '127.7.7.7'].map((host) => address(host, port));
}

/** One client transport address at two server addresses; a client takes no response from elsewhere. */
async function twoFaced(world: World): Promise<[TurnClient, TurnClient]> {
  const endpoint = await world.endpoint();
  const [, one, other] = places(world);
  const clients: [TurnClient, TurnClient] = [
    new TurnClient(endpoint, one!),
    new TurnClient(endpoint, other!),
  ];
  await inTurn(clients, (client) => client.challenge());
  return clients;
}

describe.runIf(process.platform === 'linux').each([
  ['a wildcard listener for each family', 'each'],
  ['a wildcard listener for both families', 'both'],
] as const)('%s', (_, wildcard) => {
  it(
    'RFC 8489 s6.3.1.2: success and error responses come from the address that the request went to',
    onWildcard(async (world) => {
      const endpoint = await world.endpoint();
      await inTurn(places(world), async (place) => {
        const client = new TurnClient(endpoint, place);
        const bound = await client.exchange(client.build(BINDING, []));
        expect(bound.addresses(0x0020).map(String)).toEqual([endpoint.address.toString()]);
        expect((await client.challenge()).outcome).toBe('401 unsigned');
      });
      const six = await TurnClient.of(world, { family: 6 });
      expect((await six.request(ALLOCATE, UDP)).outcome).toBe('success');
    }, wildcard),
  );

  it(
    'RFC 8656 s6: the server address is part of the 5-tuple, so one client has an allocation at each',
    onWildcard(async (world) => {
      const [one, other] = await twoFaced(world);
      const first = await one.allocate();
      const second = await other.allocate();
      expect(first.relayed.equals(second.relayed)).toBe(false);
      expect((await one.request(ALLOCATE, UDP)).outcome).toBe('437');
      expect(world.server.stats().allocations).toBe(2);
      const host = await world.endpoint();
      await one.permit(host.address);
      other.sendTo(host.address, bytes('not here'));
      one.sendTo(host.address, bytes('here'));
      expect(await receivedBy(host)).toEqual([`${first.relayed.toString()} here`]);
      expect(await allDrops(world)).toMatchObject({ 'no-permission': 1 });
      expect((await one.refresh(0)).outcome).toBe('success');
      expect((await one.permit(host.address)).outcome).toBe('437');
      expect((await other.permit(host.address)).outcome).toBe('success');
    }, wildcard),
  );

  it(
    'RFC 8656 s11.3: Data indications come from the server address of the allocation',
    onWildcard(async (world) => {
      const [one, other] = await twoFaced(world);
      const host = await world.endpoint();
      const relayed = await inTurn([one, other], async (client) => {
        const allocated = await client.allocate();
        await client.permit(host.address);
        return allocated.relayed;
      });
      for (const [i, to] of relayed.entries()) host.send(bytes(`to ${i}`), to);
      const got = (await one.endpoint.rest()).map(
        (datagram) => `${datagram.from.toString()} ${describeRelayed(datagram.bytes)}`,
      );
      const peer = host.address.toString();
      expect(got.toSorted()).toEqual([
        `${one.server.toString()} data ${peer} to 0`,
        `${other.server.toString()} data ${peer} to 1`,
      ]);
    }, wildcard),
  );

  it(
    'RFC 8656 s12.7: ChannelData of a burst comes from the server address of the allocation',
    onWildcard(async (world) => {
      const [one, other] = await twoFaced(world);
      const host = await world.endpoint();
      const relayed = await inTurn([one, other], async (client) => {
        const allocated = await client.allocate();
        await client.bind(0x4000, host.address);
        return allocated.relayed;
      });
      for (let n = 0; n < 20; n++) {
        for (const [i, to] of relayed.entries()) host.send(bytes(`${i}`), to);
      }
      const got = new Map<string, number>();
      for (const { from, bytes: datagram } of await one.endpoint.rest()) {
        const text = `${from.toString()} ${describeRelayed(datagram)}`;
        got.set(text, (got.get(text) ?? 0) + 1);
      }
      expect(Object.fromEntries(got)).toEqual({
        [`${one.server.toString()} channel 0x4000 0`]: 20,
        [`${other.server.toString()} channel 0x4000 1`]: 20,
      });
    }, wildcard),
  );

  it(
    'RFC 8656 s21.1.7: an address at which a wildcard listener was asked is never a peer',
    onWildcard(async (world) => {
      const [one] = await twoFaced(world);
      await one.allocate();
      const outcomes = await inTurn(places(world).slice(1), async (place) => {
        const bound = await one.bind(0x4000, place);
        return bound.outcome;
      });
      expect(outcomes).toEqual(['403', '403']);
    }, wildcard),
  );
});
