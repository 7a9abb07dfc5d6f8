// A new WebSocket, its first message and the answer, timed; one after the other or at a pace.

import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { SUBPROTOCOL } from '../../signaling/index.ts';

export interface Exchange {
  readonly answerMs: number;
  readonly wholeMs: number;
  readonly socket: WebSocket;
  readonly answer: Buffer;
}

/** Opens a WebSocket, sends `first` as soon as it can and waits for a message that holds `wanted`. */
export function exchange(
  url: string,
  first: string,
  wanted: string,
  localAddress = '127.0.0.1',
): Promise<Exchange> {
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    let sent = begun;
    const socket = new WebSocket(url, SUBPROTOCOL, {
      perMessageDeflate: false,
      localAddress,
    });
    socket.once('error', reject);
    socket.once('open', () => {
      sent = performance.now();
      socket.send(first);
    });
    socket.once('message', (data: Buffer) => {
      const now = performance.now();
      if (data.includes(wanted)) {
        resolve({ answerMs: now - sent, wholeMs: now - begun, socket, answer: data });
      } else reject(new Error(`not the answer: ${data.toString()}`));
    });
  });
}

/** Starts one every so often, whatever became of those before. */
export async function paced<T>(
  count: number,
  everyMs: number,
  start: (n: number) => Promise<T>,
): Promise<T[]> {
  const begun = performance.now();
  const running: Promise<T>[] = [];
  for (let n = 0; n < count; n++) {
    // oxlint-disable-next-line no-await-in-loop -- keeps the pace
    await sleep(Math.max(0, begun + n * everyMs - performance.now()));
    running.push(start(n));
  }
  return Promise.all(running);
}
