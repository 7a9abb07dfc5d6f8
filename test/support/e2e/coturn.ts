// The client programs of Debian's coturn, as independent users of our TURN server.
// turnutils_uclient ends with 0 even when packets were lost, so what counts is what it prints.

import { createSocket } from 'node:dgram';
import { freePorts } from '../free-ports.ts';
import { Child } from './child.ts';
import type { Endpoint } from './sterna.ts';

export interface UclientRun {
  code: number | null;
  output: string;
  sent: number;
  received: number;
  lost: number;
  sendDropped: number;
}

/** Runs turnutils_uclient against the server until it ends. */
export async function uclient(server: Endpoint, args: readonly string[]): Promise<UclientRun> {
  const child = new Child('turnutils_uclient', ['-p', `${server.port}`, ...args, server.host]);
  const code = await child.exited;
  const { output } = child;
  const number = (pattern: RegExp): number => {
    const last = [...output.matchAll(pattern)].at(-1);
    return last === undefined ? Number.NaN : Number(last[1]);
  };
  return {
    code,
    output,
    sent: number(/tot_send_msgs=(\d+)/g),
    received: number(/tot_recv_msgs=(\d+)/g),
    lost: number(/Total lost packets (-?\d+)/g),
    sendDropped: number(/total send dropped (-?\d+)/g),
  };
}

/** What a run looks like in which everything that was sent came back, and was as much as it should be. */
export function lossless(messages: number): Omit<UclientRun, 'output'> {
  return { code: 0, sent: messages, received: messages, lost: 0, sendDropped: 0 };
}

/** turnutils_peer: echoes every datagram, outside of any relay. */
export class EchoPeer {
  readonly port: number;
  readonly #child: Child;

  private constructor(port: number, child: Child) {
    this.port = port;
    this.#child = child;
  }

  static async start(): Promise<EchoPeer> {
    const port = await freePorts(['127.0.0.1', '::1'], 1);
    const args = ['-L', '127.0.0.1', '-L', '::1', '-p', `${port}`];
    const peer = new EchoPeer(port, new Child('turnutils_peer', args));
    await peer.#answers('127.0.0.1');
    await peer.#answers('::1');
    return peer;
  }

  async stop(): Promise<void> {
    await this.#child.kill();
  }

  async #answers(host: string): Promise<void> {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    try {
      await new Promise<void>((resolve, reject) => {
        const ask = setInterval(() => socket.send('there?', this.port, host), 50);
        const giveUp = setTimeout(() => reject(new Error(`no echo from ${host}`)), 5000);
        socket.once('error', reject);
        socket.once('message', () => {
          clearInterval(ask);
          clearTimeout(giveUp);
          resolve();
        });
      });
    } finally {
      socket.close();
    }
  }
}
