// Sends every datagram back to whence it came, batched: what the load generator is validated against.
// Its port is its only argument. Runs until it is killed.

import { MessageChannel } from 'node:worker_threads';
import { LinuxEngine } from '../../shared/net/linux-engine.ts';
import type { TransportAddress } from '../../shared/net/transport-address.ts';
import { Wake } from '../../shared/net/wake.ts';
import { loopback } from './sockets.ts';

const engine = new LinuxEngine(
  {
    now: () => performance.now(),
    onFault(error) {
      throw error;
    },
  },
  new Wake().fd,
);

const socket: number = engine.open(
  loopback(Number(process.argv[2])),
  {
    onOpened(_tag, _local, failure) {
      if (failure !== undefined) throw new Error(`cannot open the port: ${failure}`);
    },
    onDatagram(_tag, from: TransportAddress, bytes, offset, length) {
      engine.send(socket, from, bytes, offset, length);
    },
  },
  0,
);

engine.run(new MessageChannel().port1, () => {});
