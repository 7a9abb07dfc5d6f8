// A redis-server on a port of its own that a test kills, freezes and starts again. It stores nothing on disk.

import { tmpdir } from 'node:os';
import { Child } from './e2e/child.ts';
import { freePorts } from './free-ports.ts';

export class RedisServer {
  readonly port: number;
  #child: Child;

  private constructor(port: number) {
    this.port = port;
    this.#child = this.#spawn();
  }

  /** Resolves when it takes connections. */
  static async start(): Promise<RedisServer> {
    // Not one of those that the system hands out: while it is away, somebody's connection could take it.
    const server = new RedisServer(await freePorts(['127.0.0.1'], 1));
    await server.#ready();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** With all that it knows. */
  async kill(): Promise<void> {
    await this.#child.kill();
  }

  /** On the same port, knowing nothing. */
  async restart(): Promise<void> {
    await this.kill();
    this.#child = this.#spawn();
    await this.#ready();
  }

  /** It keeps its connections and answers nothing. */
  freeze(): void {
    this.#child.freeze();
  }

  thaw(): void {
    this.#child.thaw();
  }

  #spawn(): Child {
    const options = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    return new Child('redis-server', ['--port', `${this.port}`, ...options], { folder: tmpdir() });
  }

  async #ready(): Promise<void> {
    await this.#child.printed(/Ready to accept connections/);
  }
}
