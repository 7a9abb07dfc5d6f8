// RFC 6544: checks over TCP. Each connection that was accepted is a socket of its own to the agent; the
// candidates are in rfc8445-candidates.

import { expect, it } from 'vitest';
import { IceLite } from '../../sfu/ice/ice-lite.ts';
import { Deframer, writeFrame } from '../../sfu/tcp-framing.ts';
import { ReceivedMessage } from '../support/turn/received.ts';
import { address, Owner, Peer, remoteCredentials, World } from '../unit/sfu/ice-world.ts';

const CONNECTION = 70;

it('RFC 6544 s3: a framed check is answered by a framed response on the same connection', () => {
  const answers: [number, ReceivedMessage][] = [];
  const client = new Deframer(
    {
      onFrame: (bytes, offset, length) => {
        const copy = Buffer.from(bytes.subarray(offset, offset + length));
        answers.push([0, new ReceivedMessage(copy)]);
      },
    },
    1500,
  );
  const ice = new IceLite<Owner>({
    send: (socket, _to, bytes, offset, length) => {
      const frame = new Uint8Array(200);
      client.push(frame, 0, writeFrame(frame, 0, bytes, offset, length));
      answers.at(-1)![0] = socket;
    },
  });
  const from = address('198.51.100.7', 50_123);
  const owner = new Owner();
  const remote = remoteCredentials();
  const peer = new Peer(new World(), ice.open(owner, remote)!, remote, from);
  const server = new Deframer(
    {
      onFrame: (bytes, offset, length) => {
        ice.handleCheck(CONNECTION, from, bytes, offset, length, 0);
      },
    },
    1500,
  );
  const check = peer.build({ nominate: true });
  const frame = new Uint8Array(check.length + 2);
  writeFrame(frame, 0, check, 0, check.length);
  for (let i = 0; i < frame.length; i++) server.push(frame, i, 1);
  expect(answers.map(([socket, { outcome }]) => [socket, outcome])).toEqual([
    [CONNECTION, 'success'],
  ]);
  expect(owner.heard).toEqual([`selected ${CONNECTION} 198.51.100.7:50123`]);
});

it('a pair is validated on its connection, not on another one from the same address', () => {
  const world = new World();
  const peer = world.peer();
  peer.socket = CONNECTION;
  peer.check();
  expect(peer.isValid).toBe(true);
  peer.socket = CONNECTION + 1;
  expect(peer.isValid).toBe(false);
});

it('when the connection of the selected pair is closed, nothing is sent any more', () => {
  const world = new World();
  const peer = world.peer('198.51.100.7', 4000);
  peer.socket = CONNECTION;
  peer.nominate();
  world.ice.closeSocket(CONNECTION, world.now);
  world.ice.closeSocket(CONNECTION, world.now);
  expect([peer.isValid, peer.destination]).toEqual([false, 'nowhere']);
  expect(peer.owner.heard.slice(1)).toEqual(['consent lost']);
  expect(world.ice.nextDeadline).toBe(Infinity);
});

it('a peer whose connection is closed goes on elsewhere with the same credentials', () => {
  const world = new World();
  const peer = world.peer('198.51.100.7', 4000);
  peer.socket = CONNECTION;
  peer.nominate();
  world.ice.closeSocket(CONNECTION, world.now);
  peer.moveTo('198.51.100.7', 4001, CONNECTION + 1);
  expect(peer.nominate()).toBe('success');
  expect(peer.destination).toBe(`${CONNECTION + 1} 198.51.100.7:4001`);
});

it('closing a connection that was not selected changes nothing else', () => {
  const world = new World();
  const peer = world.peer('198.51.100.7', 4000);
  peer.nominate();
  const { destination } = peer;
  peer.moveTo('198.51.100.7', 4001, CONNECTION).check();
  world.ice.closeSocket(CONNECTION, world.now);
  expect([peer.isValid, peer.destination, peer.session.state]).toEqual([
    false,
    destination,
    'connected',
  ]);
});
