// A thread that sends datagrams to others through the mailroom and takes what they send, asleep whenever there is
// nothing to do. Run by mail-threads.ts.

import { parentPort, workerData } from 'node:worker_threads';
import { Mailroom, type MailroomMemory } from '../../../shared/net/mailroom.ts';
import { TransportAddress } from '../../../shared/net/transport-address.ts';

export interface MailThreadData {
  readonly memory: MailroomMemory;
  readonly self: number;
  /** Datagrams to each of the others. */
  readonly count: number;
  /** By worker: what Atomics.wait sleeps on. Behind them: how many have begun. */
  readonly bells: SharedArrayBuffer;
}

export interface MailThreadReport {
  readonly received: number;
  readonly problems: readonly string[];
  /** How often a full ring made it try again. */
  readonly refused: number;
}

const MOST = 64;
const BYTES_MAX = 3000;

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- mail-threads.ts alone writes it
const { memory, self, count, bells } = workerData as MailThreadData;
const bell = new Int32Array(bells);
const problems: string[] = [];
const ring = (worker: number): void => {
  Atomics.store(bell, worker, 1);
  Atomics.notify(bell, worker);
};
const room = new Mailroom(memory, self, ring, (error) => problems.push(String(error)));
// What is sent to a worker that has not begun is dropped, so all begin together.
const { workers } = memory;
Atomics.add(bell, workers, 1);
Atomics.notify(bell, workers);
for (let begun = 0; begun < workers; begun = Atomics.load(bell, workers)) {
  Atomics.wait(bell, workers, begun);
}
const others = Array.from({ length: workers }, (_, worker) => worker).filter(
  (worker) => worker !== self,
);

/** The n-th datagram from one to another: as long, and of the bytes, that both can tell. */
const lengthOf = (from: number, n: number): number => (n * 37 + from * 101) % BYTES_MAX;
const byteOf = (from: number, n: number, i: number): number => (n + from + i) & 0xff;

const next = new Map(others.map((worker) => [worker, 0]));
const progress = { received: 0 };
const handler = {
  onMail(
    from: TransportAddress,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    const n = next.get(from.port) ?? -1;
    next.set(from.port, n + 1);
    progress.received++;
    let good = to.port === self && from.w0 === n && length === lengthOf(from.port, n);
    for (let i = 0; good && i < length; i++) good = bytes[offset + i] === byteOf(from.port, n, i);
    if (!good && problems.length < 5) problems.push(`${from.port} to ${self}: ${n}, not as sent`);
    if (n % 1000 === 999) throw new Error('a fault that costs nothing else');
  },
};

const from = new TransportAddress();
const to = new TransportAddress();
const buffer = new Uint8Array(BYTES_MAX + 3);
const sent = new Map(others.map((worker) => [worker, 0]));
let refused = 0;

function sendSome(): boolean {
  let busy = false;
  for (const worker of others) {
    for (let burst = 0; burst < 20; burst++) {
      const n = sent.get(worker)!;
      if (n === count) break;
      busy = true;
      const length = lengthOf(self, n);
      const offset = n & 3;
      for (let i = 0; i < length; i++) buffer[offset + i] = byteOf(self, n, i);
      from.setV4(n, self);
      if (!room.send(worker, from, to.setV4(0, worker), buffer, offset, length)) {
        refused++;
        break;
      }
      sent.set(worker, n + 1);
    }
  }
  room.flush();
  return busy;
}

const wanted = count * others.length;
for (let busy = true; busy || progress.received < wanted; busy = sendSome()) {
  if (!busy && room.rest()) {
    Atomics.wait(bell, self, 0);
    Atomics.store(bell, self, 0);
  }
  room.deliver(handler, MOST);
}
const faults = problems.filter((problem) => problem.includes('costs nothing else')).length;
if (faults !== others.length * Math.floor(count / 1000)) problems.push(`${faults} faults told`);
const report: MailThreadReport = {
  received: progress.received,
  refused,
  problems: problems.filter((problem) => !problem.includes('costs nothing else')),
};
parentPort?.postMessage(report);
