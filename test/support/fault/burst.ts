// Run in a network namespace of its own: a Linux engine sends bursts to a plain socket over loopback, and one line of
// JSON says what came of them. `burst DATAGRAMS BYTES`: of that size, and of one or two bytes less in turn.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setImmediate as turnOfLoop } from 'node:timers/promises';
import { libc } from '../../../shared/native/libc.ts';
import { LinuxEngine } from '../../../shared/net/linux-engine.ts';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import { Wake } from '../../../shared/net/wake.ts';

const BURST = 32;
/** Turns of 10 ms without anything sent or received after which nothing more comes. */
const QUIET_TURNS = 50;

const datagrams = Number(process.argv[2]);
const size = Number(process.argv[3]);

/**
 * Neighbours that grow are no GSO send: of one that the device takes a part of, the kernel says that it was sent, and
 * which part it is hangs on the moment.
 */
const sizeOf = (n: number): number => size - 2 + (n % 3);

/** Failed sends by errno. */
const failures: Record<number, number> = {};
const kernel = libc();

function counted(result: number): number {
  if (result < 0) failures[kernel.errno()] = (failures[kernel.errno()] ?? 0) + 1;
  return result;
}

const sink = createSocket('udp4').bind(0, '127.0.0.1');
await once(sink, 'listening');
sink.setRecvBufferSize(4 << 20);
const got: number[] = [];
let whole = true;
sink.on('message', (datagram) => {
  const n = datagram.readUInt32BE(0);
  got.push(n);
  whole &&= datagram.length === sizeOf(n);
});

const wake = new Wake();
const faults: string[] = [];
const engine = new LinuxEngine(
  {
    now: () => performance.now(),
    onFault: (error) => faults.push(String(error)),
    libc: {
      ...kernel,
      sendmmsg: (...call) => counted(kernel.sendmmsg(...call)),
      sendto: (...call) => counted(kernel.sendto(...call)),
    },
  },
  wake.fd,
);
const noop = (): void => undefined;
// As a relay, it asks for ICMP errors, which makes the kernel say ENOBUFS where it is silent otherwise (ip(7)).
const owner = { onOpened: noop, onDatagram: noop, onIcmp: noop };
const socket = engine.open(new TransportAddress().setV4(0x7f00_0001, 0), owner, 0);
engine.turn(0, noop);

const to = new TransportAddress().setV4(0x7f00_0001, sink.address().port);
const bytes = Buffer.alloc(size);
for (let n = 0; n < datagrams; n++) {
  bytes.writeUInt32BE(n);
  engine.send(socket, to, bytes, 0, sizeOf(n));
  if (n % BURST !== BURST - 1) continue;
  engine.turn(0, noop);
  await turnOfLoop();
}

const { counters } = engine;
let before = -1;
for (let quiet = 0; quiet < QUIET_TURNS;) {
  const now = got.length + counters.sent + counters.sendDropped;
  quiet = now === before ? quiet + 1 : 0;
  before = now;
  engine.turn(10, noop);
  await turnOfLoop();
}
const inOrder = got.every((n, i) => i === 0 || n > got[i - 1]!);
const { sent, sendDropped: dropped } = counters;
process.stdout.write(
  JSON.stringify({ got: got.length, whole, inOrder, sent, dropped, failures, faults }),
);
sink.close();
engine.free();
wake.close();
