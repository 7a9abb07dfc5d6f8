// Calls between two participants, with the wire in the test's hands.

import { beforeEach, describe, expect, test } from 'vitest';
import { SternaClientError } from '../../../sdk/errors.ts';
import { Participant } from '../../../sdk/participant.ts';
import { Rpc, RpcError } from '../../../sdk/rpc.ts';
import { decodeRpc, encodeRpc } from '../../../sdk/rpc-message.ts';
import { participantInfo } from '../../support/participant-info.ts';

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing arrives
const stream = {} as MediaStream;
const participant = (sid: string, identity: string): Participant =>
  new Participant(participantInfo(sid, 1, { identity }), {
    mode: 'sfu',
    stream,
    makeStream: () => stream,
  });

class Wire {
  readonly people = new Map<string, Participant>();
  readonly ends = new Map<string, Rpc>();
  /** What goes wrong with the next message. */
  fault: SternaClientError | null = null;
  /** While true nothing arrives. */
  cut = false;
  sent: { from: string; to: string; bytes: Uint8Array<ArrayBuffer> }[] = [];

  join(sid: string, identity: string): Rpc {
    const others = (): Map<string, Participant> =>
      new Map([...this.people].filter(([other]) => other !== sid));
    const rpc = new Rpc({
      participants: others,
      send: async (payload, to) => {
        const { fault } = this;
        this.fault = null;
        if (fault) throw fault;
        if (payload.length > 32_768) throw new SternaClientError('TOO_LARGE');
        const bytes = Uint8Array.from(payload);
        this.sent.push({ from: sid, to, bytes });
        if (!this.cut) this.deliver(sid, to, bytes);
      },
    });
    this.people.set(sid, participant(sid, identity));
    this.ends.set(sid, rpc);
    return rpc;
  }

  deliver(from: string, to: string, bytes: Uint8Array<ArrayBuffer>): void {
    const sender = this.people.get(from);
    if (sender) this.ends.get(to)?.receive(sender, bytes);
  }
}

let wire: Wire;
let ann: Rpc;
let bob: Rpc;
beforeEach(() => {
  wire = new Wire();
  ann = wire.join('A', 'ann');
  bob = wire.join('B', 'bob');
});

const reasonOf = (error: unknown): string =>
  error instanceof SternaClientError ? error.reason : String(error);
const failure = (call: Promise<unknown>): Promise<unknown> => call.then(() => 'none', reasonOf);

describe('a call', () => {
  test('runs the method once, and gives back what it returns: JSON, bytes, nothing', async () => {
    const calls: unknown[] = [];
    bob.register('echo', ({ caller, method, payload }) => {
      calls.push([caller.identity, method, payload]);
      return payload;
    });
    const bytes = new Uint8Array([0, 10, 255]);
    expect(await ann.call('B', 'echo', { a: [1, null, '\n'] })).toEqual({ a: [1, null, '\n'] });
    expect(await ann.call('bob', 'echo', bytes)).toEqual(bytes);
    expect(await ann.call(participant('B', 'bob'), 'echo')).toBeUndefined();
    expect(calls).toHaveLength(3);
    expect(calls[0]).toEqual(['ann', 'echo', { a: [1, null, '\n'] }]);
  });

  test('fails with what the handler throws, and tells nothing of its mistakes', async () => {
    bob.register('busy', () => Promise.reject(new RpcError('BUSY', 'x'.repeat(300))));
    bob.register('bug', () => {
      throw new Error('a password');
    });
    bob.register('loop', () => {
      const loop: { self?: unknown } = {};
      loop.self = loop;
      return loop;
    });
    const busy = await ann.call('B', 'busy').catch((error: unknown) => error);
    expect(busy).toBeInstanceOf(RpcError);
    expect(busy).toMatchObject({ reason: 'RPC_FAILED', kind: 'BUSY', message: 'x'.repeat(256) });
    for (const method of ['bug', 'loop']) {
      // oxlint-disable-next-line no-await-in-loop
      await expect(ann.call('B', method)).rejects.toMatchObject({
        kind: 'INTERNAL',
        message: 'INTERNAL',
      });
    }
  });

  test('is refused with a reason of its own each', async () => {
    bob.register('large', () => new Uint8Array(40_000));
    expect(() => bob.register('large', () => null)).toThrow(TypeError);
    const unregister = bob.register('gone', () => 1);
    unregister();
    wire.cut = false;
    expect([
      await failure(ann.call('nobody', 'x')),
      await failure(ann.call('A', 'x')),
      await failure(ann.call('B', 'unknown')),
      await failure(ann.call('B', 'gone')),
      await failure(ann.call('B', 'large')),
      await failure(ann.call('B', 'large', new Uint8Array(40_000))),
      await failure(ann.call('B', 'm'.repeat(129))),
      await failure(ann.call('B', 'large', 1, { signal: AbortSignal.abort() })),
    ]).toEqual([
      'NOT_FOUND',
      'NOT_FOUND',
      'UNKNOWN_METHOD',
      'UNKNOWN_METHOD',
      'TOO_LARGE',
      'TOO_LARGE',
      'TOO_LARGE',
      'ABORTED',
    ]);
  });

  test('that nobody answers ends: by its time, its signal, who left, the session', async () => {
    wire.cut = true;
    const abort = new AbortController();
    const calls = [
      ann.call('B', 'x', 1, { timeoutMs: 5 }),
      ann.call('B', 'x', 1, { signal: abort.signal }),
    ].map((call) => failure(call));
    abort.abort();
    expect(await Promise.all(calls)).toEqual(['RPC_TIMEOUT', 'ABORTED']);
    const left = failure(ann.call('B', 'x'));
    ann.left('C');
    ann.left('B');
    const over = failure(ann.call('B', 'x'));
    ann.reset(new SternaClientError('SESSION_GONE'));
    expect([await left, await over]).toEqual(['PARTICIPANT_LEFT', 'SESSION_GONE']);
    wire.fault = new SternaClientError('NOT_ALLOWED');
    expect(await failure(ann.call('B', 'x'))).toBe('NOT_ALLOWED');
  });

  test('so many at once, and no more', async () => {
    let running = 0;
    bob.register('hang', ({ signal }) => {
      running += 1;
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve(null));
      });
    });
    const calls = Array.from({ length: 257 }, () => failure(ann.call('B', 'hang')));
    expect(await calls[256]).toBe('OVERLOADED');
    expect(await calls[32]).toBe('OVERLOADED');
    expect(running).toBe(32);
    // What its caller has given up takes no place.
    bob.left('A');
    expect(await calls[0]).toBe('RPC_FAILED');
    bob.register('quick', () => 'done');
    expect(await ann.call('B', 'quick')).toBe('done');
  });
});

describe('hostile', () => {
  test('answers of others, of unknown calls and repeated ones change nothing', async () => {
    wire.cut = true;
    wire.join('C', 'cleo');
    const call = ann.call('B', 'x');
    await Promise.resolve();
    const { id = '' } = decodeRpc(wire.sent[0]!.bytes) ?? {};
    const answer = (payload: string): Uint8Array<ArrayBuffer> =>
      Uint8Array.from(encodeRpc({ type: 'result', id, payload }));
    wire.deliver('C', 'A', answer('forged'));
    wire.deliver('B', 'A', Uint8Array.from(encodeRpc({ type: 'result', id: 'x', payload: 'no' })));
    wire.deliver('B', 'A', answer('right'));
    wire.deliver('B', 'A', answer('again'));
    expect(await call).toBe('right');
  });

  test('what is no message is none', () => {
    const texts = [
      '',
      '\n',
      'x\n',
      'null\n',
      '{}\n',
      '{"type":"call","id":"1"}\n',
      '{"type":"call","id":"","method":"m","timeoutMs":1}\n',
      '{"type":"call","id":"1","method":"m","timeoutMs":-1}\n',
      '{"type":"call","id":"1","method":"m","timeoutMs":"1"}\n',
      `{"type":"call","id":"1","method":"${'m'.repeat(129)}","timeoutMs":1}\n`,
      '{"type":"result","id":"1"}',
      '{"type":"result","id":"1"}\n{',
      '{"type":"error","id":"1","failure":"toString"}\n',
      '{"type":"other","id":"1"}\n',
      `{"type":"result","id":"1","x":"${'x'.repeat(5000)}"}\n`,
    ];
    for (const text of texts) expect(decodeRpc(new TextEncoder().encode(text)), text).toBeNull();
  });
});
