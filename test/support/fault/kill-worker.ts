// Ends the thread of a media worker from outside, through the inspector: the product has no way in for that.

import type { Inspector } from './inspector.ts';

/**
 * How a worker dies:
 * - `throw`: its next look at the clock throws, which nothing in its loop catches; `finally` blocks run. Code 1.
 * - `exit`: the thread ends where it is, without a `finally`; what it had open stays open. Code 9.
 * - `terminate`: V8 gives up whatever runs, as a debugger does; no `finally` either. Code 13.
 * - `memory`: the heap fills until V8 ends the thread (ERR_WORKER_OUT_OF_MEMORY). Code 1. Start the server with
 *   SMALL_HEAP, or it takes gigabytes.
 * - `hang`: it runs on and hears nothing any more.
 */
export type Death = 'throw' | 'exit' | 'terminate' | 'memory' | 'hang';

/** A flag of Node, for `memory`. */
export const SMALL_HEAP = '--max-old-space-size=64';

const EXPRESSIONS: Readonly<Record<Exclude<Death, 'terminate'>, string>> = {
  throw: "performance.now = () => { throw new Error('killed by a test'); }",
  exit: 'process.exit(9)',
  memory: 'globalThis.leak = []; for (;;) leak.push(new Array(1000).fill(Math.random()))',
  hang: 'for (;;);',
};

/** Resolves when the worker has been told; the log says `media.exited` when it is dead. */
export async function killWorker(inspector: Inspector, death: Death, worker = 0): Promise<void> {
  if (death === 'terminate') {
    await inspector.askWorker('Runtime.terminateExecution', {}, worker);
    return;
  }
  const told = inspector.askWorker('Runtime.evaluate', { expression: EXPRESSIONS[death] }, worker);
  // A thread that dies of it answers with an error or not at all.
  if (death === 'throw') await told;
  else told.catch(() => undefined);
}
