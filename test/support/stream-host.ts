// The main thread's side of TURN over TCP and TLS without workers: what it posts, and clients that connect to it.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { TurnStreamCommand } from '../../server/media/messages.ts';
import { openTurnFiles } from '../../server/media/turn-files.ts';
import type { TlsFiles } from '../../server/tls-files.ts';
import type { TurnSettings } from '../../server/media/turn-options.ts';
import { TurnStreamsHost } from '../../server/media/turn-streams-host.ts';
import { loadConfig } from '../../shared/config/load.ts';
import { parseListenerUrl } from '../../shared/config/network-values.ts';
import { createLogger, type Logger } from '../../shared/log.ts';
import { METHOD_ALLOCATE } from '../../shared/stun/registry.ts';
import { StunWriter } from '../../shared/stun/writer.ts';

export type Posted = [worker: number, command: TurnStreamCommand];

export interface StreamHostOptions {
  listeners?: readonly string[];
  tls?: { cert: string; key: string };
  proxies?: readonly string[];
}

export class StreamHost {
  readonly host: TurnStreamsHost;
  readonly posted: Posted[] = [];
  readonly lines: Record<string, unknown>[] = [];
  /** Workers that serve. */
  workers = [0];
  urls: string[] = [];
  readonly #sockets: Socket[] = [];
  readonly #settings: TurnSettings;
  readonly #log: Logger;
  #files: TlsFiles | undefined;

  private constructor({ listeners = ['tcp://127.0.0.1:0'], tls, proxies = [] }: StreamHostOptions) {
    const flags = [
      { flag: '--set turn.listeners', key: 'turn.listeners', value: listeners.join(',') },
      { flag: '--set turn.proxyProtocol', key: 'turn.proxyProtocol', value: proxies.join(',') },
      ...Object.entries(tls ?? {})
        .filter(([name]) => name === 'cert' || name === 'key')
        .map(([name, value]) => ({ flag: `--${name}`, key: `turn.tls.${name}`, value })),
    ];
    const environment = { STERNA_KEYS: `k=${'s'.repeat(32)}`, STERNA_TURN_SECRETS: 's'.repeat(32) };
    this.#settings = loadConfig({ environment, flags }).turn;
    this.#log = createLogger({
      level: 'info',
      format: 'json',
      write: (line) => this.lines.push(JSON.parse(line) as Record<string, unknown>),
    });
    this.host = new TurnStreamsHost({
      log: this.#log,
      settings: this.#settings,
      workers: () => this.workers,
      post: (worker, command) => this.posted.push([worker, command]),
    });
  }

  static async start(options: StreamHostOptions = {}): Promise<StreamHost> {
    const streams = new StreamHost(options);
    streams.#files = await openTurnFiles(streams.#settings, streams.#log);
    streams.urls = await streams.host.listen(streams.#files);
    return streams;
  }

  /** Has the files of the certificate read. */
  async reload(): Promise<void> {
    await this.#files?.reload();
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#files?.close();
    await this.host.close();
  }

  /** A TCP connection to a listener. */
  async connect({
    listener = 0,
    from,
  }: { listener?: number; from?: string } = {}): Promise<Socket> {
    const { host, port } = this.#at(listener);
    const socket = connect({ host, port, ...(from === undefined ? {} : { localAddress: from }) });
    this.#sockets.push(socket);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  }

  /** TLS, over a connection that is there already where one is given. */
  async secure(options: ConnectionOptions = {}, over?: Socket, listener = 0): Promise<TLSSocket> {
    const to = over === undefined ? this.#at(listener) : { socket: over };
    const socket = connectTls({ rejectUnauthorized: false, ...to, ...options });
    this.#sockets.push(socket);
    // Whoever waits for the handshake hears of its end.
    const failed = new Promise<never>((_resolve, reject) => socket.once('error', reject));
    socket.on('error', () => undefined);
    await Promise.race([once(socket, 'secureConnect'), failed]);
    return socket;
  }

  /** What the client of a stream has sent so far. */
  bytesOf(stream: number): Buffer {
    return Buffer.concat(
      this.posted.flatMap(([, command]) =>
        command.type === 'turn.bytes' && command.stream === stream ? [command.bytes] : [],
      ),
    );
  }

  ofType<Type extends TurnStreamCommand['type']>(
    type: Type,
  ): Extract<TurnStreamCommand, { type: Type }>[] {
    return this.posted.flatMap(([, command]) =>
      command.type === type ? [command as Extract<TurnStreamCommand, { type: Type }>] : [],
    );
  }

  #at(listener: number): { host: string; port: number } {
    const { host, port } = parseListenerUrl(this.urls[listener] ?? '');
    return { host: host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host, port };
  }
}

/** An Allocate message of that class, without attributes. */
export function allocate(messageClass: number): Uint8Array {
  const bytes = new Uint8Array(64);
  const writer = new StunWriter();
  return bytes.slice(
    0,
    writer.start(bytes, 0, METHOD_ALLOCATE, messageClass, new Uint8Array(12), 0).finish(),
  );
}

export async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 2));
}
