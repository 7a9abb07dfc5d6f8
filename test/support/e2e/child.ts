// A program that a test runs: its output is kept, and it never outlives the test run, also when that fails.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Child {
  /** Standard output and standard error as they came. */
  output = '';
  /** The exit code, null when a signal ended it; comes when the output is complete. */
  readonly exited: Promise<number | null>;
  readonly #process: ChildProcess;

  constructor(command: string, args: readonly string[]) {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    this.#process = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => (this.output += text));
    }
    this.exited = new Promise((resolve, reject) => {
      child.once('error', (error) => {
        running.delete(child);
        reject(new Error(`cannot run ${command}`, { cause: error }));
      });
      child.once('close', (code) => {
        running.delete(child);
        resolve(code);
      });
    });
    // Whoever waits for it sees the rejection; nobody has to.
    this.exited.catch(() => {});
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.exited;
  }
}
