// Plain HTTP calls for tests: every header can be set, and raw bytes can be sent.

import { request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { expect } from 'vitest';
import { z } from 'zod';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** One request to 127.0.0.1; unlike `fetch` it may set Host and Origin. */
export function call(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, method, path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** Sends raw bytes and resolves with all that comes back until the server ends the connection. */
export function callRaw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => (answer += chunk));
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}

const problemDetails = z.strictObject({
  type: z.literal('about:blank'),
  title: z.string().min(1),
  status: z.int(),
  detail: z.string().min(1),
  reason: z.string().regex(/^[A-Z_]+$/),
  requestId: z.string().min(1),
});

/** An answer's problem details, which every refusal must be. */
export function problem({ status, headers, body }: Answer): z.output<typeof problemDetails> {
  expect(headers['content-type']).toBe('application/problem+json');
  const details = problemDetails.parse(JSON.parse(body));
  expect(details.status).toBe(status);
  expect(headers['x-request-id']).toBe(details.requestId);
  expect(body).not.toContain('node_modules');
  return details;
}
