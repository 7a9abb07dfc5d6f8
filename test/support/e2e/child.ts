// A program that a test runs: its output is kept, and it never outlives the test run, also when that fails.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) killGroup(child);
});

const POLL_MS = 20;
const OUTPUT_WITHIN_MS = 15_000;

export interface ChildOptions {
  /** Over the environment of the tests. */
  environment?: Readonly<Record<string, string>>;
  /** Where it runs. */
  folder?: string;
}

export class Child {
  /** Standard output and standard error as they came. */
  output = '';
  /** The exit code, null when a signal ended it; comes when the output is complete. */
  readonly exited: Promise<number | null>;
  readonly #process: ChildProcess;

  constructor(command: string, args: readonly string[], options: ChildOptions = {}) {
    const { environment, folder } = options;
    const child = spawn(command, args, {
      env: { ...process.env, ...environment },
      cwd: folder,
      // A group of its own, so that what a shell has started ends with it.
      detached: true,
    });
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

  /** Types into it. */
  write(text: string): void {
    this.#process.stdin?.write(text);
  }

  /** There is nothing more to type. */
  endInput(): void {
    this.#process.stdin?.end();
  }

  /** As Ctrl-C in its terminal. */
  interrupt(): void {
    this.#process.kill('SIGINT');
  }

  /** As a machine that hangs: it does nothing and closes nothing. */
  freeze(): void {
    this.#process.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process.kill('SIGCONT');
  }

  /** The first match in its output, as soon as it is there. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    const until = Date.now() + OUTPUT_WITHIN_MS;
    for (;;) {
      const found = pattern.exec(this.output);
      if (found !== null) return found;
      if (Date.now() > until || !running.has(this.#process)) {
        throw new Error(`${String(pattern)} was not printed\n${this.output.slice(-8000)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    killGroup(this.#process);
    await this.exited;
  }
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
