// How the Linux engine's sockets are opened, tried on real ones.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { libc } from '../../../shared/native/libc.ts';
import { SocketOpener } from '../../../shared/net/linux-socket.ts';
import { ReceiveRing } from '../../../shared/net/receive-ring.ts';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import { inTurn, upTo } from '../../support/turn/in-turn.ts';

const opener = new SocketOpener(libc());
const fds: number[] = [];

function open(port: number, reusePort: boolean): { fd: number; port: number } {
  const address = new TransportAddress().setV4(0x7f000001, port);
  const opened = opener.open(address, { reusePort });
  if ('failure' in opened) throw new Error(opened.failure);
  fds.push(opened.fd);
  return { fd: opened.fd, port: address.port };
}

afterEach(() => {
  for (const fd of fds.splice(0)) libc().close(fd);
});

describe('a shared port', () => {
  it('has every flow go to one of its sockets, and all of them get some', async () => {
    const first = open(0, true);
    const shared = [first.fd, open(first.port, true).fd];
    const senders = await inTurn(upTo(64), async () => {
      const socket = createSocket('udp4');
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
      return socket;
    });
    const say = (socket: Socket): Promise<unknown> =>
      new Promise((resolve) => socket.send('x', first.port, '127.0.0.1', resolve));
    await inTurn(upTo(5), () => Promise.all(senders.map(say)));
    const ring = new ReceiveRing(libc(), 512);
    const from = new TransportAddress();
    const ports = shared.map((fd) => {
      ring.reset();
      const start = ring.receive(fd, 512);
      return upTo(ring.count).map((i) => (ring.from(start + i, from) ? from.port : 0));
    });
    for (const socket of senders) socket.close();
    ring.free();
    expect(ports.flat().length).toBe(64 * 5);
    const flows = ports.map((list) => new Set(list));
    // 2^-63 is the chance that one of them gets none.
    expect(Math.min(...flows.map(({ size }) => size))).toBeGreaterThan(0);
    expect(flows[0]!.size + flows[1]!.size).toBe(64);
  });

  it('is for sockets alone that were opened so', () => {
    const { port } = open(0, true);
    expect(() => open(port, false)).toThrow('in-use');
    const alone = open(0, false);
    expect(() => open(alone.port, true)).toThrow('in-use');
  });
});
