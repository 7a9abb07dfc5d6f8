// A UDP socket of a client or a peer over loopback, whose datagrams are awaited one by one.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressFamily } from '../../../shared/net/transport-address.ts';
import type { Datagram } from './fake-engine.ts';
import { address, type Endpoint } from './world.ts';

const RECEIVE_TIMEOUT_MS = 5000;

export interface UdpEndpoint extends Endpoint {
  /** Datagrams that have come so far. */
  readonly received: number;
  close(): void;
}

/** @param settle resolves once nothing is on its way any more */
export async function udpEndpoint(
  family: AddressFamily,
  settle: () => Promise<void>,
): Promise<UdpEndpoint> {
  const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
  const host = family === 4 ? '127.0.0.1' : '::1';
  socket.bind(0, host);
  await once(socket, 'listening');
  socket.setRecvBufferSize(1 << 20);
  const inbox: Datagram[] = [];
  const waiting: ((datagram: Datagram) => void)[] = [];
  let received = 0;
  socket.on('message', (bytes, { address: from, port }) => {
    received++;
    const datagram = { from: address(from, port), bytes };
    const next = waiting.shift();
    if (next === undefined) inbox.push(datagram);
    else next(datagram);
  });
  const arrival = (): Promise<Datagram> =>
    new Promise((resolve, reject) => {
      const take = (datagram: Datagram): void => {
        clearTimeout(timer);
        resolve(datagram);
      };
      const giveUp = async (): Promise<void> => {
        // A process that was not run for so long has timers first, and then what came meanwhile.
        await settle();
        const at = waiting.indexOf(take);
        if (at < 0) return;
        waiting.splice(at, 1);
        reject(new Error('nothing came'));
      };
      const timer = setTimeout(() => void giveUp(), RECEIVE_TIMEOUT_MS);
      waiting.push(take);
    });
  return {
    address: address(host, socket.address().port),
    get received() {
      return received;
    },
    send: (bytes, to) => socket.send(bytes, to.port, to.host),
    receive: () => {
      const datagram = inbox.shift();
      return datagram === undefined ? arrival() : Promise.resolve(datagram);
    },
    rest: async () => {
      await settle();
      return inbox.splice(0);
    },
    close: () => socket.close(),
  };
}
