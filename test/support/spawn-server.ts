// Starts the built command line as a process of its own, with an environment that holds nothing of Sterna's,
// and ends every process that a test has left.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const MAIN = fileURLToPath(new URL('../../dist/server/main.js', import.meta.url));
/** Below the limits of tests and hooks, so that a failure shows what the server said. */
const START_TIMEOUT_MS = 45_000;
const RUN_TIMEOUT_MS = 30_000;

/** No two servers of the tests want one port for media; where that is, their answers say. */
const ANY_MEDIA_PORT = { STERNA_SFU_PORT: '0', STERNA_SFU_TCP_PORT: '0' } as const;

/** Any free port; the URL is read from the log. */
export const ANY_PORT = ['--port', '0', '--set', 'turn.listeners=udp://127.0.0.1:0'] as const;

export interface CliResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

const readyLine = z.object({
  event: z.literal('server.ready'),
  url: z.string(),
  listeners: z.array(z.string()),
});

const running = new Set<ChildProcess>();
// What a test has left ends with the process that runs the tests, also where Vitest ends that by a signal.
process.on('exit', () => endProcesses());
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1));
const folders: string[] = [];

/** A folder for one test file, gone after `endAll`. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sterna-cli-'));
  folders.push(folder);
  return folder;
}

/** Ends every process, for `afterEach`. */
export function endProcesses(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** Ends every process and removes every folder, for `afterAll`. */
export function endAll(): void {
  endProcesses();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** How Node itself is started. */
export interface LaunchOptions {
  /** Flags of Node. */
  nodeFlags?: readonly string[];
  /** Descriptors that the process may have, both the soft and the hard limit. */
  descriptors?: number;
  /** How long a file may get that it writes, in blocks of 512 bytes; `prlimit` can raise it. */
  fileBlocks?: number;
}

class Output {
  readonly child: ChildProcess;
  readonly ended: Promise<CliResult>;
  stdout = '';
  stderr = '';
  onStdout: (() => void) | undefined;

  constructor(
    args: readonly string[],
    environment: Readonly<Record<string, string>>,
    { nodeFlags = [], descriptors, fileBlocks }: LaunchOptions = {},
  ) {
    const node = [process.execPath, ...nodeFlags, MAIN, ...args];
    const limits = [
      ...(descriptors === undefined ? [] : [`ulimit -n ${descriptors}`]),
      ...(fileBlocks === undefined ? [] : [`ulimit -S -f ${fileBlocks}`]),
    ];
    const limited = ['sh', '-c', [...limits, 'exec "$@"'].join(' && '), 'sh', ...node];
    const [command = '', ...rest] = limits.length === 0 ? node : limited;
    this.child = spawn(command, rest, {
      env: { PATH: process.env['PATH'], ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(this.child);
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.onStdout?.();
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.ended = new Promise((resolve) => {
      this.child.on('close', (code, signal) => {
        running.delete(this.child);
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }
}

/** Runs a command to its end. `environment` is all that it gets besides PATH. */
export async function runCli(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<CliResult> {
  const output = new Output(args, environment);
  const timer = setTimeout(() => output.child.kill('SIGKILL'), RUN_TIMEOUT_MS);
  const result = await output.ended;
  clearTimeout(timer);
  return result;
}

export interface RunningServer {
  url: string;
  port: number;
  listeners: string[];
  pid: number;
  stdout(): string;
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
  ended: Promise<CliResult>;
}

/** Starts `sterna serve` and resolves when it serves; rejects with its output when it ends before. */
export async function startServer(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  launch: LaunchOptions = {},
): Promise<RunningServer> {
  const output = new Output(args, { ...ANY_MEDIA_PORT, ...environment }, launch);
  const { url, listeners } = await new Promise<z.output<typeof readyLine>>((resolve, reject) => {
    const fail = (why: string): void =>
      reject(new Error(`${why}:\n${output.stdout}\n${output.stderr}`));
    const timer = setTimeout(() => {
      output.child.kill('SIGKILL');
      fail('the server did not start in time');
    }, START_TIMEOUT_MS);
    output.onStdout = () => {
      const line = output.stdout.split('\n').find((text) => text.includes('"server.ready"'));
      if (line?.endsWith('}') !== true) return;
      clearTimeout(timer);
      resolve(readyLine.parse(JSON.parse(line)));
    };
    output.child.on('close', () => {
      clearTimeout(timer);
      fail('the server ended');
    });
  });
  return {
    url,
    port: Number(new URL(url).port),
    listeners,
    pid: output.child.pid ?? 0,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    kill: (signal) => output.child.kill(signal),
    ended: output.ended,
  };
}
