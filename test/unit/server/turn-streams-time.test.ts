// How long a TCP connection of a TURN client may take for each step, with real sockets and a clock that the test moves.

import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { isClientAccepted } from '../../../server/media/turn-acceptance.ts';
import {
  CLASS_ERROR,
  CLASS_REQUEST,
  CLASS_SUCCESS,
  METHOD_BINDING,
} from '../../../shared/stun/registry.ts';
import { StunWriter } from '../../../shared/stun/writer.ts';
import { allocate, StreamHost } from '../../support/stream-host.ts';

let streams: StreamHost;
let socket: Socket;
let isClosed: boolean;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  streams = await StreamHost.start();
  socket = await streams.connect();
  isClosed = false;
  socket.resume().on('close', () => (isClosed = true));
  // The server has it by the time that it has its first byte.
  socket.write('\0');
  await until(() => streams.posted.length === 2);
});

afterEach(async () => {
  vi.useRealTimers();
  await streams.stop();
});

/** Without the clock that the test moves. */
async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setImmediate(resolve));
}

/** Moves the clock; what a socket has to say of it is heard by then. */
async function pass(ms: number): Promise<void> {
  vi.advanceTimersByTime(ms);
  const probe = await streams.connect({ from: '127.0.0.9' });
  probe.write('?');
  const count = streams.ofType('turn.open').length;
  await until(() => streams.ofType('turn.open').length > count);
  probe.destroy();
}

const answer = (bytes: Uint8Array): void =>
  streams.host.onEvent({ type: 'turn.bytes', stream: 1, bytes });

function response(method: number, messageClass: number): Uint8Array {
  const bytes = new Uint8Array(64);
  const writer = new StunWriter().start(bytes, 0, method, messageClass, new Uint8Array(12), 0);
  return bytes.slice(0, writer.finish());
}

test('who sends a byte a second and is never answered is closed after ten', async () => {
  for (let second = 1; second < 10; second++) {
    await pass(1000);
    expect(isClosed).toBe(false);
    socket.write('\0');
  }
  vi.advanceTimersByTime(1000);
  await until(() => isClosed);
  expect(streams.ofType('turn.close')).toContainEqual({ type: 'turn.close', stream: 1 });
});

test('who sends nothing at all is closed as well', async () => {
  const silent = await streams.connect();
  const closed = once(silent.resume(), 'close');
  await pass(0);
  vi.advanceTimersByTime(10_000);
  await closed;
  expect(streams.ofType('turn.open').filter(({ stream }) => stream === 2)).toEqual([]);
});

test('who is answered has a minute for an allocation, however often it asks', async () => {
  answer(response(METHOD_BINDING, CLASS_SUCCESS));
  for (let i = 0; i < 5; i++) {
    await pass(11_000);
    answer(response(METHOD_BINDING, CLASS_SUCCESS));
    answer(allocate(CLASS_ERROR));
    expect(isClosed).toBe(false);
  }
  vi.advanceTimersByTime(5000);
  await until(() => isClosed);
});

test('who has an allocation stays as long as anything comes or goes, and the longest lifetime beyond', async () => {
  answer(allocate(CLASS_SUCCESS));
  await pass(3_600_000);
  socket.write('x');
  await until(() => streams.bytesOf(1).length === 2);
  await pass(3_600_000);
  answer(Uint8Array.of(0x40, 0, 0, 0));
  await once(socket, 'data');
  await pass(3_659_000);
  expect(isClosed).toBe(false);
  vi.advanceTimersByTime(1000);
  await until(() => isClosed);
});

test('who is ended and does not read it is closed nevertheless', async () => {
  socket.pause();
  for (let i = 0; i < 15; i++) answer(new Uint8Array(64 * 1024));
  streams.host.onEvent({ type: 'turn.end', stream: 1 });
  await pass(0);
  expect(streams.host.stats().connections).toBe(2);
  vi.advanceTimersByTime(5000);
  await until(() => streams.host.stats().connections <= 1);
});

describe('an answer lets a client in', () => {
  const binding = response(METHOD_BINDING, CLASS_SUCCESS);
  test.each<[string, Uint8Array[], boolean]>([
    ['an allocation', [allocate(CLASS_SUCCESS)], true],
    [
      'an allocation behind others',
      [binding, allocate(CLASS_ERROR), allocate(CLASS_SUCCESS)],
      true,
    ],
    ['a Binding response', [binding], false],
    ['an error', [allocate(CLASS_ERROR), binding], false],
    ['data', [Uint8Array.of(0x41, 3, 0, 20), allocate(CLASS_SUCCESS)], false],
    ['nothing', [], false],
    ['half a header', [allocate(CLASS_SUCCESS).subarray(0, 19)], false],
  ])('%s', (_what, messages, expected) => {
    expect(isClientAccepted(Buffer.concat(messages))).toBe(expected);
  });

  test('a request of its kind does not', () => {
    expect(isClientAccepted(allocate(CLASS_REQUEST))).toBe(false);
  });
});
