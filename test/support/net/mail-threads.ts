// Starts threads that send each other datagrams.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Mailroom } from '../../../shared/net/mailroom.ts';
import { program } from '../program.ts';
import type { MailThreadData, MailThreadReport } from './mail-thread.ts';

/** Each of them sends `count` datagrams to each other one. */
export async function runMailThreads(workers: number, count: number): Promise<MailThreadReport[]> {
  const script = program(new URL('mail-thread.ts', import.meta.url));
  const memory = Mailroom.memory(workers);
  const bells = new SharedArrayBuffer(4 * (workers + 1));
  return Promise.all(
    Array.from({ length: workers }, async (_, self) => {
      const workerData: MailThreadData = { memory, self, count, bells };
      const thread = new Worker(script, { workerData });
      // oxlint-disable-next-line typescript/no-unsafe-assignment -- what mail-thread.ts posts
      const [report] = await once(thread, 'message');
      await thread.terminate();
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same
      return report as MailThreadReport;
    }),
  );
}
