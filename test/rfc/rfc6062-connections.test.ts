// RFC 6062 s5.3 and s5.4: peers that connect, and the client's connections that become one with theirs; on the core
// alone where the test has time or bytes under its control.
/* oxlint-disable vitest/no-standalone-expect -- the drivers are tests */

import { expect } from 'vitest';
import { TurnClient } from '../support/turn/client.ts';
import { onTcp, onTcpCore } from '../support/turn/drivers.ts';
import type { TransportAddress } from '../../shared/net/transport-address.ts';
import { ReceivedMessage } from '../support/turn/received.ts';
import {
  allocated,
  bound,
  clientOf,
  connected,
  CONNECTION_BIND,
  connectionId,
  TCP,
  type TcpScene,
} from '../support/turn/tcp-scene.ts';
import { address, OTHER_PASSWORD, OTHER_USER } from '../support/turn/world.ts';

const ALLOCATE = 0x0003;
const PEER = address('127.0.0.1', 4000);

const codeOf = async (answer: Promise<ReceivedMessage>): Promise<number | undefined> =>
  (await answer).code;

const attempt = async (client: TurnClient): Promise<ReceivedMessage> =>
  new ReceivedMessage((await client.endpoint.receive()).bytes);

onTcp(
  'RFC 6062 s5.3: a peer with a permission is announced by ConnectionAttempt',
  async (world) => {
    const { client, relayed } = await allocated(world);
    await client.permit(PEER);
    const caller = await world.dial(relayed);
    const indication = await attempt(client);
    expect([indication.method, indication.messageClass]).toEqual([0x00c, 'indication']);
    expect(indication.address(0x0012).toString()).toBe(caller.address.toString());
    expect((await bound(world, indication.u32(0x002a))).outcome).toBe('success');
  },
);

const refusesIncoming = async (
  world: TcpScene,
  { client, relayed }: { client: TurnClient; relayed: TransportAddress },
): Promise<void> => {
  await (await world.dial(relayed)).closed();
  expect(await client.relayedToMe()).toEqual([]);
};

onTcp('RFC 6062 s5.3: a peer without a permission is closed at once', async (world) => {
  const one = await allocated(world);
  await one.client.permit(address('127.0.0.2'));
  await refusesIncoming(world, one);
});

onTcpCore('RFC 6062 s5.3: and so is one whose permission is over', async (world) => {
  const one = await allocated(world);
  await one.client.permit(PEER);
  world.advance(300_000);
  await refusesIncoming(world, one);
});

onTcp(
  'RFC 6062 s5.3: of the relay addresses only relays for TCP come in',
  async (world) => {
    const one = await allocated(world);
    await one.client.permit(PEER);
    await refusesIncoming(world, one);
  },
  { peers: { allow: [], deny: [] } },
);

onTcpCore('RFC 6062 s5.3: who waits 30 s for a ConnectionBind is closed', async (world) => {
  const { client } = await allocated(world);
  await client.permit(PEER);
  const id = world.incoming(PEER);
  world.advance(30_100);
  world.sweep();
  expect(world.closed).toEqual([id]);
  expect(await codeOf(bound(world, id))).toBe(400);
});

onTcpCore(
  'RFC 6062 s5.4: ConnectionBind makes one of both connections, with what is behind it',
  async (world) => {
    const { client } = await allocated(world);
    const id = await connected(client, PEER);
    const other = await clientOf(world);
    const { address: from } = other.endpoint;
    const request = other.build(CONNECTION_BIND, [connectionId(id)]);
    world.write(from, other.server, Buffer.concat([request, Buffer.from('\0\u0001 bytes')]));
    expect(other.check(await other.response(request)).outcome).toBe('success');
    expect(
      world.splices.map(({ connection, behind }) => [connection, String(Buffer.from(behind))]),
    ).toEqual([[id, '\0\u0001 bytes']]);
  },
);

onTcpCore(
  'RFC 6062 s5.4: it may use the nonce of the control connection, from the same host alone',
  async (world) => {
    const { client } = await allocated(world);
    const id = await connected(client, PEER);
    const same = new TurnClient(world.endpointAt('127.0.0.1'), client.server);
    const elsewhere = new TurnClient(world.endpointAt('127.0.0.9'), client.server);
    for (const each of [same, elsewhere]) {
      each.nonce = client.nonce;
      each.algorithms = client.algorithms;
    }
    expect(await codeOf(elsewhere.request(CONNECTION_BIND, connectionId(id)))).toBe(438);
    // For anything else it is as good as none.
    expect(await codeOf(same.request(ALLOCATE, TCP))).toBe(438);
    expect((await same.request(CONNECTION_BIND, connectionId(id))).outcome).toBe('success');
  },
);

onTcp('RFC 6062 s5.4: by another user it is 400, and the connection waits on', async (world) => {
  const { client } = await allocated(world);
  const id = await connected(client, await world.peerAt());
  expect(await codeOf(bound(world, id, OTHER_USER, OTHER_PASSWORD))).toBe(400);
  expect((await bound(world, id)).outcome).toBe('success');
});

onTcp('RFC 6062 s5.4: twice is 400', async (world) => {
  const { client } = await allocated(world);
  const id = await connected(client, await world.peerAt());
  await bound(world, id);
  expect(await codeOf(bound(world, id))).toBe(400);
});

onTcpCore('RFC 6062 s5.4: 30 s after Connect is 400, and the peer is let go', async (world) => {
  const { client } = await allocated(world);
  const id = await connected(client, PEER);
  world.advance(30_100);
  world.sweep();
  expect(world.closed).toEqual([id]);
  expect(await codeOf(bound(world, id))).toBe(400);
});

onTcpCore('RFC 6062 s5.4: a bound connection outlives the half minute', async (world) => {
  const { client } = await allocated(world);
  await bound(world, await connected(client, PEER));
  world.advance(60_000);
  world.sweep();
  expect(world.closed).toEqual([]);
});

onTcpCore('RFC 6062 s5.4: guesses are 400 and end the connection they come by', async (world) => {
  const { client } = await allocated(world);
  const id = await connected(client, PEER);
  for (const guess of [0, id + 1, id + 2, 0xffff_ffff]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    expect(await codeOf(bound(world, guess % 2 ** 32))).toBe(400);
  }
  expect(world.said.filter(({ type }) => type === 'turn.end')).toHaveLength(4);
  expect((await bound(world, id)).outcome).toBe('success');
});

onTcp('RFC 6062 s5.4: without CONNECTION-ID, or with a short one, it is 400', async (world) => {
  const client = await clientOf(world);
  expect(await codeOf(client.request(CONNECTION_BIND))).toBe(400);
  expect(await codeOf(client.request(CONNECTION_BIND, [0x002a, [1, 2]]))).toBe(400);
});

onTcpCore('RFC 6062 s5.4: on the control connection, or over UDP, it is 400', async (world) => {
  const { client } = await allocated(world);
  const id = await connected(client, PEER);
  expect(await codeOf(client.request(CONNECTION_BIND, connectionId(id)))).toBe(400);
  const other = await clientOf(world);
  const request = other.build(CONNECTION_BIND, [connectionId(id)]);
  world.engine.inject(other.endpoint.address, other.server, request);
  expect((await other.response(request)).bytes.length).toBeGreaterThan(0);
  expect(world.splices).toEqual([]);
});

onTcp('RFC 6062 s5.4: without credentials it is 401', async (world) => {
  const client = await clientOf(world);
  expect((await client.challenge(CONNECTION_BIND)).code).toBe(401);
});

onTcp('RFC 6062 s5.4: a client that hangs up while it waits harms nobody', async (world) => {
  const { client } = await allocated(world);
  const id = await connected(client, await world.peerAt());
  const other = await clientOf(world);
  other.endpoint.send(other.build(CONNECTION_BIND, [connectionId(id)]), other.server);
  await world.leave(other);
  expect((await client.refresh()).outcome).toBe('success');
});
