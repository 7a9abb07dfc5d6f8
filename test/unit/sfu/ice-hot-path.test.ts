// What the ICE agent allocates: per check nothing of its own beside the two HMACs of node:crypto, per
// datagram that it drops or looks up nothing at all.

import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import type { TransportAddress } from '../../../shared/net/transport-address.ts';
import { StunReader } from '../../../shared/stun/reader.ts';
import { StunWriter } from '../../../shared/stun/writer.ts';
import { Deframer, writeFrame } from '../../../sfu/tcp-framing.ts';
import { demultiplex } from '../../../sfu/demultiplex.ts';
import { IceLite } from '../../../sfu/ice/ice-lite.ts';
import { bytesPerTurn, liveBytes, WARM_UP_TURNS } from '../../support/turn/heap.ts';
import { message } from '../../support/turn/message.ts';
import { address, BINDING, Owner, Peer, remoteCredentials, SOCKET, World } from './ice-world.ts';

const CHECKS = 60_000;
const DATAGRAMS = 200_000;

/** A peer of an agent whose answers go nowhere. */
function connected(host: string): { ice: IceLite<Owner>; peer: Peer; bytesSent: () => number } {
  let bytesSent = 0;
  const ice = new IceLite<Owner>({
    send: (_socket, _to, _bytes, _offset, length) => {
      bytesSent += length;
    },
  });
  const remote = remoteCredentials();
  const session = ice.open(new Owner(), remote)!;
  const peer = new Peer(new World(), session, remote, address(host, 54_321));
  return { ice, peer, bytesSent: () => bytesSent };
}

/** Public addresses whose words have the top bit set: V8 keeps larger numbers on the heap. */
it.each(['217.70.184.38', '2a00:ffff::f000:1'])('a steady check from %s', (host) => {
  const { ice, peer, bytesSent } = connected(host);
  const check = peer.build({ nominate: true });
  const { from } = peer;
  const key = Buffer.from(peer.local.password);
  const reader = new StunReader();
  const writer = new StunWriter();
  const answer = new Uint8Array(200);
  const hmacs = bytesPerTurn((turns) => {
    for (let i = 0; i < turns; i++) {
      reader.read(check, 0, check.length);
      if (!reader.checkIntegrity(key)) throw new Error('not authentic');
      writer.start(answer, 0, BINDING, 2, check, 8).xorAddress(0x0020, from).integrity(key);
    }
  }, CHECKS);
  let now = 1234;
  const handle = (turns: number): void => {
    // No more checks than a session may have: one in 5 ms.
    for (let i = 0; i < turns; i++)
      ice.handleCheck(SOCKET, from, check, 0, check.length, (now += 5));
  };
  const whole = bytesPerTurn(handle, CHECKS);
  const live = liveBytes();
  handle(CHECKS);
  const grown = liveBytes() - live;
  process.stdout.write(`${host}: ${whole.toFixed(1)} B a check, ${hmacs.toFixed(1)} B two HMACs\n`);
  expect(ice.stats().answered).toBe(2 * CHECKS + WARM_UP_TURNS);
  expect(bytesSent()).toBeGreaterThan(CHECKS * 64);
  expect(whole - hmacs).toBeLessThan(4);
  expect(grown).toBeLessThan(200_000);
});

it('a datagram that is dropped, looked up or told apart', () => {
  const { ice, peer } = connected('217.70.184.38');
  peer.world.ice.close(peer.session);
  const { from } = peer;
  const stranger = address('223.5.5.5', 999);
  const check = peer.build({ nominate: true });
  ice.handleCheck(SOCKET, from, check, 0, check.length, 0.5);
  const unmarked = peer.build({ fingerprint: false });
  const unknown = peer.build({ username: `AAAAAAAA:${peer.credentials.ufrag}` });
  const bare = message(BINDING, randomBytes(12));
  const noise = randomBytes(100);
  const handled = (bytes: Uint8Array, source: TransportAddress): number =>
    bytesPerTurn((turns) => {
      for (let i = 0; i < turns; i++) {
        ice.handleCheck(SOCKET, source, bytes, 0, bytes.length, 0.5);
      }
    }, DATAGRAMS);
  let found = 0;
  const lookUp = (source: TransportAddress): number =>
    bytesPerTurn((turns) => {
      for (let i = 0; i < turns; i++) {
        if (demultiplex(noise[i % 100]) >= 0 && ice.find(SOCKET, source) !== undefined) found++;
      }
    }, DATAGRAMS);
  const costs = {
    unmarked: handled(unmarked, from),
    unknown: handled(unknown, stranger),
    bare: handled(bare, stranger),
    noise: handled(noise, stranger),
    found: lookUp(from),
    notFound: lookUp(stranger),
  };
  const drops = ice.stats().drops;
  expect(found).toBe(DATAGRAMS + WARM_UP_TURNS);
  expect([drops['bad-fingerprint'], drops['unknown-username'], drops['not-stun']]).toEqual(
    [1, 2, 1].map((n) => n * (DATAGRAMS + WARM_UP_TURNS)),
  );
  expect(Object.entries(costs).filter(([, bytes]) => bytes >= 4)).toEqual([]);
});

it('asking where to send', () => {
  const { ice, peer } = connected('217.70.184.38');
  const check = peer.build({ nominate: true });
  ice.handleCheck(SOCKET, peer.from, check, 0, check.length, 0.5);
  let sent = 0;
  const now = 29_999.5;
  const cost = bytesPerTurn((turns) => {
    for (let i = 0; i < turns; i++) if (peer.session.destination(now) !== undefined) sent++;
  }, DATAGRAMS);
  expect(sent).toBe(DATAGRAMS + WARM_UP_TURNS);
  expect(cost).toBeLessThan(4);
});

it('a framed packet that comes in one piece, and one that is written but for its views', () => {
  let bytesSeen = 0;
  const deframer = new Deframer(
    {
      onFrame: (_bytes, _offset, length) => {
        bytesSeen += length;
      },
    },
    1500,
  );
  const packet = randomBytes(1200);
  const stream = new Uint8Array(2 * 1202);
  for (let at = 0; at < stream.length;) at += writeFrame(stream, at, packet, 0, packet.length);
  const read = bytesPerTurn((turns) => {
    for (let i = 0; i < turns; i++) deframer.push(stream, 0, stream.length);
  }, DATAGRAMS);
  expect(bytesSeen).toBe(2 * 1200 * (DATAGRAMS + WARM_UP_TURNS));
  expect(read).toBeLessThan(4);
});

it('connections and sessions that come and go leave nothing behind', () => {
  const world = new World();
  const come = (from: number, to: number): void => {
    for (let i = from; i < to; i++) {
      const peer = world.peer();
      peer.socket = i;
      peer.nominate();
      if (i % 2 === 0) world.ice.closeSocket(i, world.now);
      peer.restart();
      world.ice.close(peer.session);
      world.sent.length = 0;
    }
  };
  come(0, 2000);
  const live = liveBytes();
  come(2000, 22_000);
  expect(liveBytes() - live).toBeLessThan(500_000);
  expect(world.ice.nextDeadline).toBe(Infinity);
});
