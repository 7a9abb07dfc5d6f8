// Runs of the load generator as the bench sees them: started on its core with ports of its own, told to go on where it
// waits, its result read when it ends.

import type { ChildProcess } from 'node:child_process';
import { built } from '../built.ts';
import {
  type LoadOptions,
  type LoadResult,
  loadArguments,
  READY,
  readResult,
} from './load-options.ts';
import { LOAD_CORE, startPinned, stop } from './pinned.ts';
import { PORTS_COUNT, PORTS_FIRST } from './sockets.ts';

/** What the bench decides about a run; the rest is the generator's own. */
export type RunOptions = Omit<LoadOptions, 'firstPort'>;

const RUN_MS_MAX = 90_000;
/** What a server may need for a packet at the very most. */
const PACKET_MS_MAX = 0.05;
/** Ports that a run goes through or nearly, with those that others have among them; newcomers use up more. */
const PORTS_OF_A_RUN = 2000;
const PORTS_OF_NEWCOMERS = 16_000;

let portsUsed = 0;

export class LoadProcess {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #printed = '';
  #complaint = '';
  #readyHeard = 0;

  constructor(options: RunOptions) {
    const firstPort = PORTS_FIRST + (portsUsed % PORTS_COUNT);
    portsUsed += options.mode === 'setup' ? PORTS_OF_NEWCOMERS : PORTS_OF_A_RUN;
    const command = [process.execPath, built('bench/turn/load.js')];
    command.push(...loadArguments({ ...options, firstPort }));
    const child = startPinned(LOAD_CORE, command, 'pipe');
    this.#child = child;
    child.stdout?.on('data', (text: Buffer) => (this.#printed += text.toString()));
    child.stderr?.on('data', (text: Buffer) => (this.#complaint += text.toString()));
    const most = options.mode === 'counted' ? options.packets * PACKET_MS_MAX : 0;
    const timeout = setTimeout(() => child.kill('SIGKILL'), RUN_MS_MAX + most);
    this.#closed = new Promise((resolve) => child.once('close', resolve));
    void this.#closed.then(() => clearTimeout(timeout));
  }

  /** Resolves when the generator waits for a line. Throws Error when it ends instead. */
  async ready(): Promise<void> {
    const waits = new Promise<boolean>((resolve) => {
      const look = (): void => {
        if (this.#printed.split(READY).length - 1 <= this.#readyHeard) return;
        this.#child.stdout?.off('data', look);
        resolve(true);
      };
      this.#child.stdout?.on('data', look);
      look();
    });
    const ended = this.#closed.then(() => false);
    if (!(await Promise.race([waits, ended]))) throw this.#failure();
    this.#readyHeard++;
  }

  goOn(): void {
    this.#child.stdin?.write('\n');
  }

  /** Resolves when the generator has ended. Throws Error when that was no good end, or packets came back wrong. */
  async result(): Promise<LoadResult> {
    const code = await this.#closed;
    if (code !== 0) throw this.#failure();
    const result = readResult(this.#printed.trimEnd().split('\n').at(-1) ?? '');
    if (result.wrong > 0) throw new Error(`${result.wrong} packets came back wrong`);
    return result;
  }

  stop(): Promise<void> {
    return stop(this.#child);
  }

  #failure(): Error {
    const line = /^\w*Error: (.*)$/m.exec(this.#complaint)?.[1];
    const { exitCode } = this.#child;
    const end = exitCode === null ? 'it took too long' : `exit code ${exitCode}`;
    return new Error(line ?? end);
  }
}

export function runLoad(options: RunOptions): Promise<LoadResult> {
  return new LoadProcess(options).result();
}
