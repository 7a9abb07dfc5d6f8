// HTTP/2 (RFC 9113) over connections whose TLS handshake has chosen it, with bounds on what a session may ask for
// (s10.5). Floods of CONTINUATION frames, and of acknowledgements that nobody reads, are nghttp2's to bound.
// Called by: https-server.ts.

import { constants, createServer } from 'node:http2';
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { RequestListener } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { systemClock } from '../shared/clock.ts';
import { TokenBucket } from '../shared/token-bucket.ts';
import * as limits from './limits.ts';

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_NO_ERROR } = constants;

export interface Http2Sessions {
  /** Takes over the connection. */
  accept(socket: TLSSocket): void;
  /** Says GOAWAY to all, and ends them. */
  close(): void;
}

export interface Http2Options {
  /** A session was ended because it cost more than it may. */
  readonly onCalmed: () => void;
  /** For a whole request. */
  readonly requestMs: number;
  /** Without a frame, or progress of one. */
  readonly idleMs: number;
}

/** @param handler is given what node:http2 makes for handlers of HTTP/1.1 */
export function http2Sessions(
  handler: RequestListener,
  { onCalmed, requestMs, idleMs }: Http2Options,
): Http2Sessions {
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer(
    {
      settings: {
        maxConcurrentStreams: limits.STREAMS_MAX,
        maxHeaderListSize: limits.HEADER_BYTES_MAX,
      },
      maxHeaderListPairs: limits.HEADER_PAIRS_MAX,
      maxSessionMemory: limits.SESSION_MEGABYTES_MAX,
      maxSessionInvalidFrames: limits.INVALID_FRAMES_MAX,
    },
    (request, response) => {
      // RFC 9113 s8.3.1: it stands for the Host field, which need not be there and must say the same.
      request.headers.host = request.authority;
      Reflect.apply(handler, undefined, [request, response]);
    },
  );
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    session.on('error', () => session.destroy());
    // Nobody is there, or a header is held back.
    session.setTimeout(idleMs, () => session.destroy());
    boundFreeFrames(session, onCalmed);
    session.on('stream', (stream: ServerHttp2Stream) => boundBodyTime(stream, requestMs));
  });
  return {
    accept: (socket) => void server.emit('connection', socket),
    close: () => {
      for (const session of sessions) session.destroy();
    },
  };
}

function boundFreeFrames(session: ServerHttp2Session, onCalmed: () => void): void {
  const allowed = new TokenBucket(limits.FREE_FRAMES_PER_SECOND, limits.FREE_FRAMES_BURST);
  const charge = (): void => {
    if (session.destroyed || allowed.spend(1, systemClock.monotonic())) return;
    onCalmed();
    // Node sends no other code without an error.
    session.destroy(new Error('too many free frames'), NGHTTP2_ENHANCE_YOUR_CALM);
  };
  session.on('ping', charge);
  session.on('remoteSettings', charge);
  session.on('stream', (stream: ServerHttp2Stream) => {
    stream.once('close', () => {
      if (stream.rstCode !== NGHTTP2_NO_ERROR) charge();
    });
  });
}

function boundBodyTime(stream: ServerHttp2Stream, requestMs: number): void {
  if (stream.endAfterHeaders) return;
  const timer = setTimeout(() => stream.close(NGHTTP2_CANCEL), requestMs);
  const stop = (): void => clearTimeout(timer);
  stream.once('end', stop);
  stream.once('close', stop);
}
