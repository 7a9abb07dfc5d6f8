// A TCP connection of a client over loopback, whose messages are awaited one by one as datagrams are.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { TransportAddress } from '../../../shared/net/transport-address.ts';
import type { Datagram } from './fake-engine.ts';
import { firstMessage, framed } from './stream-world.ts';
import { address, type Endpoint } from './world.ts';

const RECEIVE_TIMEOUT_MS = 5000;

export interface TcpEndpoint extends Endpoint {
  readonly socket: Socket;
  /** Messages that have come so far. */
  readonly received: number;
}

/** @param settle resolves once nothing is on its way any more */
export async function tcpEndpoint(
  server: TransportAddress,
  settle: () => Promise<void>,
): Promise<TcpEndpoint> {
  const socket = connect({ host: server.host, port: server.port, noDelay: true });
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  const inbox: Datagram[] = [];
  let coming = Buffer.alloc(0);
  let received = 0;
  let wake: (() => void) | undefined;
  socket.on('data', (data) => {
    coming = Buffer.concat([coming, data]);
    for (let bytes = firstMessage(coming); bytes !== undefined; bytes = firstMessage(coming)) {
      coming = coming.subarray((bytes.length + 3) & ~3);
      received++;
      inbox.push({ from: server, bytes });
    }
    wake?.();
  });
  return {
    address: address(socket.localAddress!, socket.localPort),
    socket,
    get received() {
      return received;
    },
    send: (bytes) => void socket.write(framed(bytes)),
    receive: async () => {
      const until = AbortSignal.timeout(RECEIVE_TIMEOUT_MS);
      for (;;) {
        const datagram = inbox.shift();
        if (datagram !== undefined) return datagram;
        // oxlint-disable-next-line no-await-in-loop -- until one has come
        await new Promise<void>((resolve, reject) => {
          wake = resolve;
          until.addEventListener('abort', () => reject(new Error('nothing came')), { once: true });
        });
      }
    },
    rest: async () => {
      await settle();
      return inbox.splice(0);
    },
  };
}
