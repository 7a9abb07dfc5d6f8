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

/** RFC 7541 appendix A: GET, https, /, and the authority "x". */
const GET = Buffer.from([0x82, 0x87, 0x84, 0x41, 1, 0x78]);

/** Requests that are taken back at once. */
function resets(count: number): Buffer {
  const code = Buffer.from([0, 0, 0, constants.NGHTTP2_CANCEL]);
  const ids = Array.from({ length: count }, (_, n) => 2 * n + 1);
  return Buffer.concat(ids.flatMap((id) => [frame(1, 5, id, GET), frame(3, 0, id, code)]));
}

test('a page that is left takes back what it waits for, and the session goes on', async () => {
  for (let n = 0; n < STREAMS_MAX / 2; n++) {
    const stream = session.request({ ':path': '/healthz' });
    stream.on('error', () => undefined);
    stream.close(constants.NGHTTP2_CANCEL);
  }
  expect(await statusOf(session)).toBe(200);
});

describe('ends the session', () => {
  test.each([
    ['streams that are taken back at once', resets(FREE_FRAMES_BURST + 50)],
    ['PING', times(FREE_FRAMES_BURST * 2, frame(6, 0, 0, Buffer.alloc(8)))],
    ['SETTINGS', times(FREE_FRAMES_BURST * 2, frame(4, 0, 0, Buffer.from([0, 4, 0, 0, 255, 255])))],
  ])('a flood of %s', async (_name, flood) => {
    expect(await goawayAfter(flood)).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
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
