// What RFC 9113 s10.5 warns of, at the gateway's HTTP/2: frames that cost their sender nothing end the session with
// ENHANCE_YOUR_CALM, a header has bounds, and others are served meanwhile.

import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Gateway } from '../../../gateway/http-server.ts';
import { FREE_FRAMES_BURST, HEADER_BYTES_MAX, STREAMS_MAX } from '../../../gateway/limits.ts';
import type { TlsPair } from '../../../shared/config/tls-pair.ts';
import { pairOf, startGateway } from '../../support/gateway.ts';
import { makeTlsFiles } from '../../support/tls-files.ts';

const tls: TlsPair = pairOf(makeTlsFiles());
let gateway: Gateway;
let port = 0;
let session: ClientHttp2Session;

beforeEach(async () => {
  ({ gateway, port } = await startGateway({ tls }));
  session = connectHttp2(`https://localhost:${port}`, { ca: tls.cert });
  session.on('error', () => undefined);
  await once(session, 'remoteSettings');
});

afterEach(async () => {
  session.destroy();
  await gateway.close();
});

async function statusOf(over: ClientHttp2Session, path = '/healthz'): Promise<unknown> {
  const stream = over.request({ ':path': path });
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  stream.resume();
  await once(stream, 'close');
  return headers[':status'];
}

/** RFC 9113 s4.1. */
function frame(type: number, flags: number, stream: number, payload = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1'),
  frame(4, 0, 0),
]);

/** The error code of the GOAWAY that the server ends the connection with; undefined where it sends none. */
async function goawayAfter(bytes: Buffer): Promise<number | undefined> {
  const socket: TLSSocket = connect({
    host: 'localhost',
    port,
    ca: tls.cert,
    ALPNProtocols: ['h2'],
  });
  socket.on('error', () => undefined);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.write(Buffer.concat([PREFACE, bytes]));
  await once(socket, 'close');
  const answer = Buffer.concat(chunks);
  for (let at = 0; at + 9 <= answer.length; at += 9 + answer.readUIntBE(at, 3)) {
    if (answer[at + 3] === 7) return answer.readUInt32BE(at + 9 + 4);
  }
  return undefined;
}

const times = (count: number, bytes: Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, () => bytes));

test('streams that are taken back at once, over and over, end the session', async () => {
  const goaway = once(session, 'goaway');
  const closed = once(session, 'close');
  while (!session.destroyed) {
    for (let n = 0; n < STREAMS_MAX && !session.destroyed; n++) {
      const stream = session.request({ ':path': '/healthz' });
      stream.on('error', () => undefined);
      stream.close(constants.NGHTTP2_CANCEL);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect((await goaway)[0]).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  await closed;
  session = connectHttp2(`https://localhost:${port}`, { ca: tls.cert });
  expect(await statusOf(session)).toBe(200);
});

test('a page that is left takes back what it waits for, and the session goes on', async () => {
  for (let n = 0; n < FREE_FRAMES_BURST / 2; n++) {
    const stream = session.request({ ':path': '/healthz' });
    stream.on('error', () => undefined);
    stream.close(constants.NGHTTP2_CANCEL);
  }
  expect(await statusOf(session)).toBe(200);
});

describe('ends the session', () => {
  test.each([
    ['PING', frame(6, 0, 0, Buffer.alloc(8))],
    ['SETTINGS', frame(4, 0, 0, Buffer.from([0, 4, 0, 0, 255, 255]))],
  ])('a flood of %s', async (_name, one) => {
    expect(await goawayAfter(times(FREE_FRAMES_BURST * 2, one))).toBe(
      constants.NGHTTP2_ENHANCE_YOUR_CALM,
    );
    expect(await statusOf(session)).toBe(200);
  });

  test('a header without an end', async () => {
    const continuation = frame(9, 0, 1, Buffer.from([0x40, 1, 0x61, 1, 0x62]));
    const bytes = Buffer.concat([frame(1, 1, 1, Buffer.from([0x82])), times(5000, continuation)]);
    expect(await goawayAfter(bytes)).toBeDefined();
    expect(await statusOf(session)).toBe(200);
  });
});

test('a header that is too large is refused, by itself', async () => {
  const stream = session.request({ ':path': '/healthz', long: 'x'.repeat(HEADER_BYTES_MAX) });
  await expect(once(stream, 'response')).rejects.toThrow(/ENHANCE_YOUR_CALM|REFUSED|COMPRESSION/);
  expect(await statusOf(session)).toBe(200);
});

test('streams at the same time have a bound, which is told', () => {
  expect(session.remoteSettings.maxConcurrentStreams).toBe(STREAMS_MAX);
});
