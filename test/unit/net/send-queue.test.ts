// What queueing a datagram costs in memory, alone in its process so that nothing else allocates.

import { expect, it } from 'vitest';
import { Arena } from '../../../shared/native/arena.ts';
import { libc } from '../../../shared/native/libc.ts';
import { GsoLimits } from '../../../shared/net/gso-limits.ts';
import { type SendingSocket, SendQueue } from '../../../shared/net/send-queue.ts';
import { bytesPerTurn } from '../../support/turn/heap.ts';
import { address as at } from '../../support/turn/world.ts';

it('what is sent on from the ring allocates nothing, however it is put together', () => {
  const ring = new Arena(1 << 16);

  const kernel = { ...libc(), sendmmsg: taken, sendto: () => 1 };
  const failures = { holdsBack: () => false, onLater: () => undefined, onDropped: () => undefined };
  const queue = new SendQueue<SendingSocket>(kernel, ring, failures, new GsoLimits(true));
  const socket = { fd: 1, source: undefined };
  const header = new Uint8Array(48);
  const places = [at('217.70.184.38', 3478), at('2a00::ffff:ffff', 3478)];
  const run = (turns: number): void => {
    for (let i = 0; i < turns; i++) {
      const to = places[(i >> 3) & 1]!;
      queue.putHeaded(socket, to, header, 48, ring.bytes, 100, 1201, 3);
      queue.putPrefixed(socket, to, 0x4000_0010 + i, ring.bytes, 100, 16);
      queue.put(socket, to, ring.bytes, 100, 1200);
      if ((i & 31) === 31) queue.flush();
    }
  };
  // On a busy machine the compiler may need more than one round.
  let bytes = bytesPerTurn(run, 100_000);
  for (let round = 0; round < 4 && bytes >= 4; round++) bytes = bytesPerTurn(run, 100_000);
  queue.free();
  ring.free();
  process.stdout.write(`three datagrams sent on: ${bytes.toFixed(2)} B\n`);
  expect(bytes).toBeLessThan(4);
});

/** A kernel that takes all of them. */
function taken(_fd: number, _messages: number, count: number): number {
  return count;
}
