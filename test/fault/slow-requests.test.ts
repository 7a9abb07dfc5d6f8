// Clients that send a byte now and then (slowloris) are cut off in bounded time, and keep nobody else from being
// served.

import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { HEADERS_TIMEOUT_MS } from '../../gateway/limits.ts';
import { createGateway } from '../../gateway/http-server.ts';
import { call } from '../support/http-call.ts';
import { NO_APIS } from '../support/no-apis.ts';

test(
  'slow headers end with 408, while others are served',
  async () => {
    const gateway = createGateway(NO_APIS);
    const port = await gateway.listen('127.0.0.1', 0);
    const head = 'POST /v1/rooms HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a.b.c\r\n';
    const begin = (text: string): { socket: Socket; ended: Promise<string> } => {
      const socket = connect(port, '127.0.0.1', () => socket.write(text));
      socket.setEncoding('latin1');
      let answer = '';
      socket.on('data', (chunk: string) => (answer += chunk));
      socket.on('error', () => {});
      return { socket, ended: new Promise((resolve) => socket.on('close', () => resolve(answer))) };
    };
    const slow = Array.from({ length: 40 }, () => begin(head));
    const drip = setInterval(() => {
      for (const { socket } of slow) if (socket.writable) socket.write('x');
    }, 500);
    try {
      expect((await call(port, 'GET', '/healthz')).status).toBe(200);
      const answers = await Promise.all(slow.map(({ ended }) => ended));
      for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 408 /);
      expect((await call(port, 'GET', '/healthz')).status).toBe(200);
    } finally {
      clearInterval(drip);
      for (const { socket } of slow) socket.destroy();
      await gateway.close();
    }
  },
  3 * HEADERS_TIMEOUT_MS,
);
