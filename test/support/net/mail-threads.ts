// Starts threads that send each other datagrams. Node 20 loads no TypeScript in a worker, so esbuild makes one script
// of it first.

import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import { Mailroom } from '../../../shared/net/mailroom.ts';
import type { MailThreadData, MailThreadReport } from './mail-thread.ts';

/** Each of them sends `count` datagrams to each other one. */
export async function runMailThreads(workers: number, count: number): Promise<MailThreadReport[]> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('mail-thread.ts', import.meta.url))],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
  });
  const script = outputFiles[0]!.text;
  const memory = Mailroom.memory(workers);
  const bells = new SharedArrayBuffer(4 * (workers + 1));
  return Promise.all(
    Array.from({ length: workers }, async (_, self) => {
      const workerData: MailThreadData = { memory, self, count, bells };
      const thread = new Worker(script, { eval: true, workerData });
      // oxlint-disable-next-line typescript/no-unsafe-assignment -- what mail-thread.ts posts
      const [report] = await once(thread, 'message');
      await thread.terminate();
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same
      return report as MailThreadReport;
    }),
  );
}
