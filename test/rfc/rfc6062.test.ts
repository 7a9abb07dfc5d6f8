// RFC 6062: TURN extensions for TCP allocations, by section; on the core alone where the test has time or the peers
// under its control.
/* oxlint-disable vitest/no-standalone-expect -- the drivers are tests */

import { expect } from 'vitest';
import {
  channelNumber,
  data,
  EVEN_PORT,
  MOBILITY,
  peer,
  reservationToken,
  TurnClient,
} from '../support/turn/client.ts';
import { ReceivedMessage } from '../support/turn/received.ts';
import { onTcp, onTcpCore } from '../support/turn/drivers.ts';
import { allocated, bound, clientOf, CONNECT, connected, TCP } from '../support/turn/tcp-scene.ts';
import { inTurn, upTo } from '../support/turn/in-turn.ts';
import { freePorts } from '../support/free-ports.ts';
import { address, drops, OTHER_PASSWORD, OTHER_USER, relayOn } from '../support/turn/world.ts';

const ALLOCATE = 0x0003;
const PEER = address('127.0.0.1', 4000);
const FIRST_PORT = await freePorts(['127.0.0.1'], 4);

const codeOf = async (answer: Promise<ReceivedMessage>): Promise<number | undefined> =>
  (await answer).code;

onTcp('RFC 6062 s5.1: REQUESTED-TRANSPORT 6 gives a relay that listens for TCP', async (world) => {
  const { relayed } = await allocated(world);
  expect(relayed.host).toBe('127.0.0.1');
  expect(await world.listensAt(relayed)).toBe(true);
  expect(world.server.stats().allocations).toBe(1);
});

onTcpCore('RFC 6062 s5.1: a port that a stranger has is passed over for another', async (world) => {
  world.failing = ['in-use', 'in-use'];
  const { relayed } = await allocated(world);
  expect(world.listens).toHaveLength(3);
  expect(world.listens[2]?.at.port).toBe(relayed.port);
});

onTcpCore('RFC 6062 s5.1: without any port it is 508', async (world) => {
  world.failing = Array.from({ length: 16 }, () => 'unavailable' as const);
  const client = await clientOf(world);
  expect(await codeOf(client.request(ALLOCATE, TCP))).toBe(508);
});

onTcp(
  'RFC 6062 s5.1: once all ports listen it is 508, and each that is given back is there again',
  async (world) => {
    const { ports, quota } = world.options.commons;
    const outcomes = await inTurn(upTo(3), async () => {
      const all = await inTurn(upTo(4), () => allocated(world));
      const one = await clientOf(world);
      const refused = await codeOf(one.request(ALLOCATE, TCP));
      const full = [ports.free(0), quota.all.allocations];
      await inTurn(all, ({ client }) => client.refresh(0));
      return [refused, ...full, ports.free(0), quota.all.allocations];
    });
    expect(outcomes).toEqual(upTo(3).map(() => [508, 0, 4, 4, 0]));
  },
  { ports: { first: FIRST_PORT, last: FIRST_PORT + 3 } },
);

onTcpCore('RFC 6062 s5.1: over UDP it is 400', async (world) => {
  const client = await clientOf(world);
  const { endpoint, server } = client;
  world.engine.inject(endpoint.address, server, client.build(ALLOCATE, [TCP]));
  world.engine.run();
  // The nonce is good for that address, whatever the transport.
  const { bytes } = await endpoint.receive();
  expect(new ReceivedMessage(bytes).code).toBe(400);
});

for (const [name, attribute] of [
  ['EVEN-PORT', EVEN_PORT],
  ['RESERVATION-TOKEN', reservationToken(new Uint8Array(8))],
  ['DONT-FRAGMENT', [0x001a, []]],
] as const) {
  onTcp(
    `RFC 6062 s5.1: with ${name} it is 400`,
    async (world) => {
      const client = await clientOf(world);
      // Where the engine cannot do it, nobody knows the attribute.
      const unknown = name === 'DONT-FRAGMENT' && !world.canSetDontFragment;
      const code = await codeOf(client.request(ALLOCATE, TCP, attribute));
      expect(code).toBe(unknown ? 420 : 400);
    },
    { canSetDontFragment: true },
  );
}

onTcp('RFC 6062 s5.1: a mobility ticket is refused 405', async (world) => {
  const client = await clientOf(world);
  expect(await codeOf(client.request(ALLOCATE, TCP, MOBILITY))).toBe(405);
});

onTcp(
  'RFC 6062 s5.1: where it is off, it is 442, and Connect is no method',
  async (world) => {
    const client = await clientOf(world);
    expect(await codeOf(client.request(ALLOCATE, TCP))).toBe(442);
    await client.allocate();
    const before = await drops(world, 'unexpected');
    client.endpoint.send(client.build(CONNECT, [peer(PEER)]), client.server);
    expect(await drops(world, 'unexpected')).toBe(before + 1);
  },
  { tcpRelays: undefined },
);

onTcp(
  'RFC 6062 s5.1: where allocations share relay ports, it is 442',
  async (world) => {
    const client = await clientOf(world);
    expect(await codeOf(client.request(ALLOCATE, TCP))).toBe(442);
    await client.allocate();
  },
  { sharedPorts: 1 },
);

onTcpCore(
  'RFC 6062 s5.1: where bandwidth is limited, its connections are',
  async (world) => {
    await allocated(world);
    expect(world.owns.map(({ meter }) => meter.perSecond)).toEqual([100_000]);
  },
  { bandwidth: { perAllocation: 100_000 } },
);

onTcp('RFC 6062 s5.1: no channels and no Send indications on it', async (world) => {
  const { client } = await allocated(world);
  await client.permit(PEER);
  expect(await codeOf(client.request(0x0009, channelNumber(0x4000), peer(PEER)))).toBe(403);
  const before = await drops(world, 'no-allocation');
  client.indicate(peer(PEER), data(Buffer.from('x')));
  expect(await drops(world, 'no-allocation')).toBe(before + 1);
});

onTcp(
  'RFC 6062 s5.1: the end of the allocation ends the relay with its connections',
  async (world) => {
    const { client, relayed } = await allocated(world);
    const id = await connected(client, await world.peerAt());
    await client.refresh(0);
    expect(await world.listensAt(relayed)).toBe(false);
    expect(await codeOf(bound(world, id))).toBe(400);
  },
);

onTcpCore('RFC 6062 s5.1: so does its expiry, and the port is free again', async (world) => {
  await allocated(world);
  world.advance(600_000);
  world.sweep();
  expect(world.unlistened).toHaveLength(1);
  expect(world.options.commons.ports.free(0)).toBe(16_384);
});

onTcp('RFC 6062 s5.1: and the end of the control connection', async (world) => {
  const { client, relayed } = await allocated(world);
  await world.leave(client);
  expect(await world.listensAt(relayed)).toBe(false);
});

onTcpCore(
  'RFC 6062 s5.2: Connect is answered with CONNECTION-ID once it is there',
  async (world) => {
    const { client } = await allocated(world);
    const id = await connected(client, PEER);
    expect(world.connects).toEqual([
      {
        type: 'tcp.connect',
        relay: world.listens[0]?.relay,
        connection: id,
        peer: { host: '127.0.0.1', port: 4000 },
      },
    ]);
  },
);

onTcp('RFC 6062 s5.2: no allocation, or one for UDP, is 437', async (world) => {
  const client = await clientOf(world);
  expect(await codeOf(client.request(CONNECT, peer(PEER)))).toBe(437);
  await client.allocate();
  expect(await codeOf(client.request(CONNECT, peer(PEER)))).toBe(437);
});

onTcp('RFC 6062 s5.2: without XOR-PEER-ADDRESS, or with a broken one, it is 400', async (world) => {
  const { client } = await allocated(world);
  expect(await codeOf(client.request(CONNECT))).toBe(400);
  expect(await codeOf(client.request(CONNECT, [0x0012, [0, 1, 2, 3]]))).toBe(400);
});

onTcp('RFC 6062 s5.2: another user on the control connection is 441', async (world) => {
  const { client } = await allocated(world);
  client.username = OTHER_USER;
  client.password = OTHER_PASSWORD;
  expect(await codeOf(client.request(CONNECT, peer(PEER)))).toBe(441);
});

onTcp('RFC 6062 s5.2: the same peer twice is 446, another client goes on', async (world) => {
  const { client } = await allocated(world);
  const at = await world.peerAt();
  await connected(client, at);
  expect(await codeOf(client.request(CONNECT, peer(at)))).toBe(446);
  const other = await allocated(world);
  await connected(other.client, at);
});

onTcpCore('RFC 6062 s5.2: not where the first has ended', async (world) => {
  const { client } = await allocated(world);
  world.gone(await connected(client, PEER));
  await connected(client, PEER);
});

onTcpCore('RFC 6062 s5.2: it is 446 while the first is on its way, too', async (world) => {
  const { client } = await allocated(world);
  world.peers = 'are silent';
  client.endpoint.send(client.build(CONNECT, [peer(PEER)]), client.server);
  expect(await codeOf(client.request(CONNECT, peer(PEER)))).toBe(446);
  expect((await (await allocated(world)).client.refresh()).outcome).toBe('success');
});

const DENIED = ['127.0.0.1', '0.0.0.0', '10.0.0.1', '169.254.169.254', '224.0.0.1'];
const DENIED6 = ['::1', '::', '::ffff:127.0.0.1', '64:ff9b::7f00:1', 'fe80::1', '2002:7f00:1::1'];

onTcpCore(
  'RFC 6062 s5.2: a denied peer is 403, and nothing is connected',
  async (world) => {
    const { client } = await allocated(world);
    const six = await TurnClient.of(world, { family: 6 });
    await six.request(ALLOCATE, TCP, [0x0017, [2, 0, 0, 0]]);
    for (const host of DENIED) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await codeOf(client.request(CONNECT, peer(address(host, 80))))).toBe(403);
    }
    for (const host of DENIED6) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await codeOf(six.request(CONNECT, peer(address(host, 80))))).toBe(403);
    }
    expect(world.connects).toEqual([]);
  },
  { peers: { allow: [], deny: [] }, relays: [relayOn('198.51.100.9'), relayOn('2001:db8::9')] },
);

onTcp('RFC 6062 s5.2: listeners of the server are 403 whatever is allowed', async (world) => {
  const { client } = await allocated(world);
  expect(await codeOf(client.request(CONNECT, peer(world.listener4)))).toBe(403);
});

onTcp(
  'RFC 6062 s5.2: so are further addresses, and port 0',
  async (world) => {
    const { client } = await allocated(world);
    expect(await codeOf(client.request(CONNECT, peer(address('127.0.0.1', 7880))))).toBe(403);
    expect(await codeOf(client.request(CONNECT, peer(address('127.0.0.1', 0))))).toBe(403);
  },
  { forbiddenPeers: [address('127.0.0.1', 7880)] },
);

onTcp(
  'RFC 6062 s5.2: of the relay addresses only relays for TCP are reached',
  async (world) => {
    const { relayed } = await allocated(world);
    const { client } = await allocated(world);
    const other = await clientOf(world);
    const udp = await other.allocate();
    expect(await codeOf(client.request(CONNECT, peer(address('127.0.0.1', 22))))).toBe(403);
    expect(await codeOf(client.request(CONNECT, peer(udp.relayed)))).toBe(403);
    await connected(client, relayed);
  },
  { peers: { allow: [], deny: [] } },
);

onTcp('RFC 6062 s5.2: a peer of another family is 443', async (world) => {
  const { client } = await allocated(world);
  expect(await codeOf(client.request(CONNECT, peer(address('::1', 80))))).toBe(443);
});

onTcp('RFC 6062 s5.2: a connection that fails is 447', async (world) => {
  const { client } = await allocated(world);
  expect(await codeOf(client.request(CONNECT, peer(await world.nowhere())))).toBe(447);
});

onTcpCore('RFC 6062 s5.2: one that takes 30 s is 447, and is given up', async (world) => {
  const { client } = await allocated(world);
  world.peers = 'are silent';
  const request = client.build(CONNECT, [peer(PEER)]);
  client.endpoint.send(request, client.server);
  world.run();
  world.advance(29_900);
  world.sweep();
  expect(world.closed).toEqual([]);
  world.advance(200);
  world.sweep();
  expect(client.check(await client.response(request)).code).toBe(447);
  expect(world.closed).toEqual([world.connects[0]?.connection]);
});

onTcpCore('RFC 6062 s5.2: more than 16 that nobody binds are 508', async (world) => {
  const { client } = await allocated(world);
  for (let port = 1; port <= 16; port++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await connected(client, address('127.0.0.1', port));
  }
  expect(await codeOf(client.request(CONNECT, peer(PEER)))).toBe(508);
});
