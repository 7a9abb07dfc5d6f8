// Attacks on the ways to the media port: ICE checks, TCP connections, and strangers who have joined nothing.

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { newIceCredentials } from '../../../sfu/ice/credentials.ts';
import { CHROMIUM_CLIENT_HELLO } from '../../unit/sfu/chromium-client-hello.ts';
import { writeRtcp } from '../sfu-router/rtcp.ts';
import { mutate } from '../turn/fuzz.ts';
import { type Attack, ice, media, refused } from './attack.ts';
import type { LivePeer } from './live-peer.ts';

const PER_ROUND = 100;
const ROUNDS = 60;
const times = (count: number, act: (index: number) => void): void => {
  for (let i = 0; i < count; i++) act(i);
};

const checks: Attack = {
  name: 'ICE checks with right and wrong integrity, changed ones, of names that there are not',
  rounds: ROUNDS,
  begin: ({ hostile, chance }) => {
    const { ufrag } = hostile.answered.ice;
    return () =>
      times(PER_ROUND, () => {
        const kind = chance.below(5);
        if (kind === 0) hostile.check({ nominate: chance.below(2) === 0 });
        else if (kind === 1) hostile.check({ password: 'x'.repeat(24) });
        else if (kind === 2) hostile.check({ username: `${ufrag}:${'y'.repeat(8)}` });
        else if (kind === 3) hostile.check({ username: `AAAAAAAA:${hostile.ice.ufrag}` });
        else {
          const bytes = hostile.checkBytes();
          hostile.send(mutate(bytes, chance, bytes));
        }
      });
  },
  counted: [
    ['sterna_ice_checks_total', 'outcome', 'answered'],
    ice('bad-integrity'),
    ice('unknown-username'),
    ice('too-fast'),
  ],
};

const restarts: Attack = {
  name: 'ICE restarts in a loop, and checks with every name from new ports',
  rounds: 40,
  begin: ({ hostile, chance }) => {
    const names: string[] = [];
    const sockets: UdpSocket[] = [];
    return async () => {
      hostile.ice = newIceCredentials();
      const reply = await hostile.offerAgain(hostile.offer());
      if (reply.type === 'answer') hostile.take(reply);
      names.push(hostile.answered.ice.ufrag);
      const socket = sockets[sockets.length] ?? (await bound('127.0.0.1'));
      sockets.push(socket);
      const { host, port } = hostile.answered.udp;
      for (const name of names.slice(-20)) {
        const username = `${name}:${hostile.ice.ufrag}`;
        socket.send(hostile.checkBytes({ username, nominate: chance.below(2) === 0 }), port, host);
        hostile.check({ username });
      }
      if (sockets.length > 20) sockets.shift()?.close();
    };
  },
  counted: [refused('RATE_LIMITED'), ice('unknown-username')],
};

/** Many senders that know nothing, and the whole server from an address nobody has checked. */
const strangers: Attack = {
  name: 'strangers: checks, ClientHellos, RTP and rubbish from many addresses',
  rounds: 100,
  begin: ({ hostile, chance, meeting }) => {
    const sockets: UdpSocket[] = [];
    const [victim] = meeting.people;
    const stolen = victim!.peer.protectRtcp(writeRtcp((to) => to.pictureLoss(1, 1)));
    return async (round) => {
      if (round < 10) sockets.push(await bound(`127.0.0.${2 + round}`));
      const { host, port } = hostile.answered.udp;
      times(2 * PER_ROUND, () => {
        const check = hostile.checkBytes({ password: 'z'.repeat(24) });
        const bytes = chance.pick<() => Uint8Array>([
          () => chance.bytes(chance.length()),
          () => check,
          () => mutate(check, chance, stolen),
          () => stolen,
          () => chance.pick(CHROMIUM_CLIENT_HELLO),
        ])();
        chance.pick(sockets).send(bytes, port, host);
      });
      if (round === 99) for (const socket of sockets) socket.close();
    };
  },
  counted: [media('not-validated'), media('unknown-kind'), ice('bad-integrity'), ice('not-stun')],
};

/** RFC 4571 s2. */
function framed(bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

async function tcpTo(hostile: LivePeer): Promise<Socket> {
  const socket = connect(hostile.answered.tcp);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

const connections: Attack = {
  name: 'TCP: half-open connections, frames of no bytes and of too many, tiny ones, readers that do not read',
  rounds: ROUNDS,
  begin: ({ hostile, chance }) => {
    const tiny = Buffer.concat(Array.from({ length: 4000 }, () => framed(Buffer.alloc(14, 0x80))));
    const empty = Buffer.alloc(60_000);
    const open: Socket[] = [];
    return async (round) => {
      const socket = await tcpTo(hostile);
      open.push(socket);
      const kind = round % 6;
      const check = framed(hostile.checkBytes());
      if (kind === 0) socket.write(check.subarray(0, 1 + chance.below(check.length - 1)));
      else if (kind === 1) socket.write(Buffer.from('ffff0001020304', 'hex'));
      else if (kind === 2) socket.write(framed(Buffer.from('GET / HTTP/1.1\r\n\r\n')));
      else {
        // It is of the session from here on, and never read.
        socket.pause();
        socket.write(check);
        if (kind === 3) times(20, () => socket.write(empty));
        else if (kind === 4) times(20, () => socket.write(tiny));
        else times(900, () => socket.write(framed(hostile.checkBytes({ nominate: true }))));
      }
      if (round === ROUNDS - 1) for (const one of open) one.destroy();
    };
  },
  lingers: true,
  counted: [media('too-fast'), ice('too-fast')],
};

async function bound(host: string): Promise<UdpSocket> {
  const socket = createSocket('udp4');
  socket.on('error', () => undefined);
  socket.bind(0, host);
  await once(socket, 'listening');
  return socket;
}

export const PATH_ATTACKS: readonly Attack[] = [checks, restarts, strangers, connections];
