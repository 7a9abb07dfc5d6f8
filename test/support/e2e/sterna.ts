// `sterna serve` as its users run it, on free ports, with its log as a list of events.
// A server that ends by itself or complains in its log fails the test that stops it.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { type ListenerTransport, parseListenerUrl } from '../../../shared/config/network-values.ts';
import { startServer } from '../spawn-server.ts';
import type { CliResult, LaunchOptions, RunningServer } from '../spawn-server.ts';

/** The API key of every server here that has a configuration file. */
export const API_KEY = { name: 'devkey', secret: 'a secret for tests, long enough to be one' };

const STOP_WITHIN_MS = 15_000;
const POLL_MS = 20;

const logLine = z.looseObject({ level: z.string(), event: z.string() });
export type LogLine = z.output<typeof logLine>;

export interface Endpoint {
  host: string;
  port: number;
}

export interface SternaOptions extends LaunchOptions {
  /** What the configuration file says besides a free gateway port and API_KEY; left out: development mode. */
  config?: Readonly<Record<string, unknown>>;
  /** `STERNA_*` variables. */
  environment?: Readonly<Record<string, string>>;
}

const running = new Set<RunningServer>();
process.on('exit', () => {
  for (const server of running) server.kill('SIGKILL');
});

export class Sterna {
  readonly #server: RunningServer;
  readonly #folder: string;
  #result: CliResult | undefined;

  private constructor(server: RunningServer, folder: string) {
    this.#server = server;
    this.#folder = folder;
    running.add(server);
    void this.#watch();
  }

  static async start({ config, environment, ...launch }: SternaOptions = {}): Promise<Sterna> {
    const folder = await mkdtemp(join(tmpdir(), 'sterna-e2e-'));
    const args = ['serve'];
    if (config !== undefined) {
      const file = join(folder, 'sterna.yaml');
      const keys = { [API_KEY.name]: API_KEY.secret };
      // JSON is YAML.
      await writeFile(file, JSON.stringify({ gateway: { port: 0 }, keys, ...config }));
      args.push('--config', file);
    }
    const variables = {
      TMPDIR: folder,
      ...(config === undefined ? { STERNA_GATEWAY_PORT: '0' } : {}),
      ...environment,
    };
    const server = await startServer(args, variables, launch);
    return new Sterna(server, folder);
  }

  /** Where the server keeps its temporary files; a command with the same TMPDIR finds its development key. */
  get folder(): string {
    return this.#folder;
  }

  /** Of the page, as the server says it. */
  get url(): string {
    return this.#server.url;
  }

  get pid(): number {
    return this.#server.pid;
  }

  /** TCP port of the gateway. */
  get port(): number {
    return this.#server.port;
  }

  /** How it ended, once it has. */
  get ended(): Promise<CliResult> {
    return this.#server.ended;
  }

  /** Standard output and standard error so far. */
  get output(): string {
    return this.#server.stdout() + this.#server.stderr();
  }

  /** The STUN and TURN listener of that family and transport. */
  listener(family: 4 | 6, transport: ListenerTransport = 'udp'): Endpoint {
    const found = this.#server.listeners
      .map((url) => parseListenerUrl(url))
      .find((url) => url.transport === transport && url.host.includes(':') === (family === 6));
    if (found === undefined) throw new Error(`no ${transport} listener for IPv${family}`);
    return found;
  }

  /** All STUN and TURN listeners over UDP. */
  get listeners(): Endpoint[] {
    return this.#server.listeners
      .map((url) => parseListenerUrl(url))
      .filter(({ transport }) => transport === 'udp');
  }

  /** Log lines of that event so far. */
  events(event: string): LogLine[] {
    return linesOf(this.#server.stdout()).filter((line) => line.event === event);
  }

  /** Resolves with the first `count` log lines of that event that also hold for `wanted`. */
  async waitForEvents(
    event: string,
    count = 1,
    wanted: (line: LogLine) => boolean = () => true,
  ): Promise<LogLine[]> {
    const until = Date.now() + 15_000;
    for (;;) {
      const found = this.events(event).filter(wanted);
      if (found.length >= count) return found;
      if (this.#result !== undefined || Date.now() > until) {
        throw new Error(`no ${count} x ${event} in the log\n${this.output.slice(-8000)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /**
   * Ends it and throws when it was not well: ended before, not with exit code 0, or a complaint in its log but for the
   * events that are expected.
   */
  async stop(
    signal: 'SIGTERM' | 'SIGINT' = 'SIGTERM',
    expected: readonly string[] = [],
  ): Promise<void> {
    const early = this.#result !== undefined;
    const timer = setTimeout(() => this.#server.kill('SIGKILL'), STOP_WITHIN_MS);
    this.#server.kill(signal);
    const { code, signal: killedBy } = await this.#server.ended;
    clearTimeout(timer);
    await rm(this.#folder, { recursive: true, force: true });
    const complaints = linesOf(this.#server.stdout()).filter(
      ({ level, event }) =>
        ['warn', 'error', 'fatal'].includes(level) &&
        event !== 'config.warning' &&
        !expected.includes(event),
    );
    if (!early && code === 0 && complaints.length === 0) return;
    const how = early ? 'had ended by itself' : 'ended';
    throw new Error(`sterna ${how}, code ${code}, signal ${killedBy}\n${this.output.slice(-8000)}`);
  }

  async #watch(): Promise<void> {
    this.#result = await this.#server.ended;
    running.delete(this.#server);
  }

  /** As a crash would end it. */
  async kill(): Promise<void> {
    this.#server.kill('SIGKILL');
    await this.#server.ended;
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function linesOf(output: string): LogLine[] {
  return output.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return [];
    const parsed = logLine.safeParse(parseJson(line));
    return parsed.success ? [parsed.data] : [];
  });
}

/** The last line of the output may be half written. */
function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
