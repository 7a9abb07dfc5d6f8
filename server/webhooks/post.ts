// One POST to a receiver: to a checked address, without following redirects, bounded in time, the answer's body thrown
// away. Connections are kept for the next one.
// Called by: receiver.ts.

import { lookup } from 'node:dns';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { BlockedAddressError, checkedLookup, isPublicAddress } from './checked-address.ts';
import type { Resolve } from './checked-address.ts';

/** What a receiver says is of no interest; one that says more loses its connection. */
const ANSWER_BYTES_MAX = 65_536;
const IDLE_MS = 15_000;

export interface PostLimits {
  readonly connectMs: number;
  /** Of the whole exchange, name resolution included. */
  readonly totalMs: number;
  readonly connections: number;
}

export interface PosterOptions {
  readonly url: URL;
  /** Whether an address may be connected to; what is public when left out. */
  readonly isAllowed?: (address: string) => boolean;
  readonly limits: PostLimits;
  /** `dns.lookup` when left out. */
  readonly resolve?: Resolve;
}

export type PostResult =
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfterMs: number }
  /** `blocked`: the address is not allowed, which no further try changes. */
  | { readonly kind: 'failed' | 'blocked'; readonly why: string };

export class Poster {
  readonly #options: PosterOptions;
  readonly #agent: HttpAgent;
  readonly #literal: string | undefined;

  constructor(options: PosterOptions) {
    const { url, limits, isAllowed = isPublicAddress, resolve = lookup } = options;
    this.#options = options;
    const agentOptions = {
      keepAlive: true,
      maxSockets: limits.connections,
      timeout: IDLE_MS,
      lookup: checkedLookup(resolve, isAllowed),
    };
    this.#agent =
      url.protocol === 'https:' ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions);
    // An address in place of a name is never looked up, so it is judged here.
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    this.#literal = isIP(host) !== 0 && !isAllowed(host) ? host : undefined;
  }

  /** Never rejects. */
  post(headers: Readonly<Record<string, string>>, body: Buffer): Promise<PostResult> {
    if (this.#literal !== undefined)
      return Promise.resolve(failure(new BlockedAddressError(this.#literal)));
    const { url, limits } = this.#options;
    const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise((resolve) => {
      const sent = request(url, { method: 'POST', agent: this.#agent, headers });
      const total = setTimeout(() => sent.destroy(new Error('no answer in time')), limits.totalMs);
      let result: PostResult | undefined;
      boundConnecting(sent, limits.connectMs);
      sent.on('response', (response) => {
        const status = response.statusCode ?? 0;
        result = { kind: 'answered', status, retryAfterMs: retryAfterMs(response) };
        discard(response);
      });
      sent.on('error', (error) => (result ??= failure(error)));
      sent.on('close', () => {
        clearTimeout(total);
        resolve(result ?? failure(new Error('the connection was closed')));
      });
      sent.end(body);
    });
  }

  /** Ends every connection, those in use included. */
  close(): void {
    this.#agent.destroy();
  }
}

function boundConnecting(sent: ClientRequest, connectMs: number): void {
  const timer = setTimeout(() => sent.destroy(new Error('no connection in time')), connectMs);
  const connected = (): void => clearTimeout(timer);
  sent.on('close', connected);
  sent.on('socket', (socket) => {
    if (socket.connecting) socket.once('connect', connected);
    else connected();
  });
}

function discard(response: IncomingMessage): void {
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) response.destroy();
  });
  // What breaks off behind the status changes nothing.
  response.on('error', () => undefined);
}

/** RFC 9110 s10.2.3; a date is not worth the trouble. */
function retryAfterMs({ headers }: IncomingMessage): number {
  const seconds = headers['retry-after'] ?? '';
  return /^\d{1,6}$/.test(seconds) ? Number(seconds) * 1000 : 0;
}

function failure(error: Error): PostResult {
  const blocked = error instanceof BlockedAddressError;
  const code = 'code' in error ? String(error.code) : '';
  return { kind: blocked ? 'blocked' : 'failed', why: code === '' ? error.message : code };
}
