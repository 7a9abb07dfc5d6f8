// The signaling connection of the SDK against the real signaling server, through the WebSocket of the `ws`
// package, with networks that fail in every way that a test can arrange.

import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { PENDING_REQUESTS_MAX } from '../../../sdk/limits.ts';
import type { SignalOptions } from '../../../sdk/signal-connection.ts';
import { MiniServer } from '../../support/mini-server.ts';
import type { MiniServerOptions } from '../../support/mini-server.ts';
import { SignalClient } from '../../support/signal-client.ts';

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map(async (close) => close()));
});

async function serve(options?: MiniServerOptions): Promise<MiniServer> {
  const server = await MiniServer.start(options);
  closers.push(() => server.close());
  return server;
}

function connect(
  url: string,
  token: () => string,
  options: Partial<SignalOptions> = {},
): SignalClient {
  const client = new SignalClient(url, token, options);
  closers.push(() => client.connection.close('test over'));
  return client;
}

async function two(server: MiniServer): Promise<[SignalClient, SignalClient]> {
  const ann = connect(server.url, () => server.token({ identity: 'ann' }));
  await ann.joined();
  const bob = connect(server.url, () => server.token({ identity: 'bob' }));
  await bob.joined();
  return [ann, bob];
}

describe('joining', () => {
  test('a token lets in, requests are answered, pushes arrive', async () => {
    const [ann, bob] = await two(await serve());
    expect(bob.how).toEqual(['joined']);
    await bob.say('hello');
    await ann.until(() => ann.data.length === 1);
    expect(ann.data).toEqual(['hello']);
  });

  test('a request that is refused rejects with the reason', async () => {
    const [ann] = await two(await serve());
    const request = ann.connection.request({ type: 'signal', to: 'PA_nobody', candidate: null });
    await expect(request).rejects.toMatchObject({ reason: 'NOT_FOUND', code: 4404 });
  });

  test('a token that is not accepted ends it at once', async () => {
    const server = await serve();
    const client = connect(server.url, () => 'not.a.token');
    await client.until(() => client.closed !== undefined);
    expect(client.closed).toMatchObject({ reason: 'TOKEN_INVALID', retry: 'never' });
    expect(client.tokens).toBe(1);
  });

  test('a token provider that fails ends the first join with its error as the cause', async () => {
    const server = await serve();
    const client = connect(server.url, () => {
      throw new Error('no tokens today');
    });
    await client.until(() => client.closed !== undefined);
    expect(client.closed).toMatchObject({
      reason: 'TOKEN_UNAVAILABLE',
      cause: { message: 'no tokens today' },
    });
  });

  test('a server that is not there is tried three times', async () => {
    const server = await serve();
    server.unreachable = true;
    const client = connect(server.url, () => server.token());
    await client.until(() => client.closed !== undefined);
    expect(client.closed).toMatchObject({ reason: 'UNREACHABLE', code: 0 });
    expect(client.away).toHaveLength(2);
  });

  test('after close every request is refused', async () => {
    const [ann] = await two(await serve());
    const waiting = ann.say('still on its way');
    ann.connection.close('bye');
    await expect(waiting).rejects.toMatchObject({ reason: 'CLOSED' });
    await expect(ann.say('too late')).rejects.toMatchObject({ reason: 'CLOSED' });
    expect(ann.closed).toBeNull();
  });
});

describe('a lost socket', () => {
  test('resumes under the same sid, gets what it missed once, and sends what waited', async () => {
    const server = await serve();
    const [ann, bob] = await two(server);
    await bob.say('before');
    server.unreachable = true;
    server.cutSockets();
    await Promise.all([ann, bob].map((client) => client.until(() => client.away.length > 0)));
    const sids = [ann.sid, bob.sid];
    const waiting = ['one', 'two', 'three'].map((text) => bob.say(text));
    server.unreachable = false;
    await Promise.all(waiting);
    await ann.until(() => ann.data.length === 4);
    expect(ann.data).toEqual(['before', 'one', 'two', 'three']);
    expect([ann.sid, bob.sid]).toEqual(sids);
    expect([...ann.how, ...bob.how]).toEqual(['joined', 'resumed', 'joined', 'resumed']);
    expect(ann.tokens).toBe(1);
    const numbers = ann.pushes.map(({ s }) => s);
    expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
  });

  test('a request whose answer was lost is executed once', async () => {
    const server = await serve();
    const [ann, bob] = await two(server);
    // The sockets are cut while requests and answers are on the way, in both directions.
    const sent = Array.from({ length: 30 }, (_, at) => `m${at}`);
    const waiting = sent.map((text, at) => {
      if (at % 10 === 5) server.cutSockets();
      return bob.say(text);
    });
    await new Promise(setImmediate);
    server.cutSockets();
    await Promise.all(waiting);
    await ann.until(() => ann.data.length >= sent.length);
    expect(ann.data).toEqual(sent);
  });

  test('when too much was missed, it is told so and starts from a snapshot', async () => {
    const server = await serve({
      limits: { pushRing: { messages: 4, bytes: 100_000 } },
    });
    let offline = false;
    const ann = connect(server.url, () => server.token({ identity: 'ann' }), {
      // Nothing listens on port 1.
      openSocket: (url, protocol) => new WebSocket(offline ? 'ws://127.0.0.1:1' : url, protocol),
    });
    await ann.joined();
    const bob = connect(server.url, () => server.token({ identity: 'bob' }));
    await bob.joined();
    await ann.until(() => ann.pushes.length > 0);
    offline = true;
    server.cutSocketOf(ann.sid);
    await ann.until(() => ann.away.length > 0);
    await Promise.all(Array.from({ length: 20 }, (_, at) => bob.say(`m${at}`)));
    offline = false;
    await ann.joined(2);
    expect(ann.how).toEqual(['joined', 'lost']);
    expect(ann.joins[1]?.message.participants.map(({ sid }) => sid)).toEqual([bob.sid]);
    expect(ann.data).toEqual([]);
    await bob.say('after');
    await ann.until(() => ann.data.at(-1) === 'after');
  });

  test('a server that forgot the session is joined anew with a fresh token', async () => {
    const server = await serve();
    const client = connect(server.url, () => server.token({ identity: 'ann' }), {
      joinBody: () => ({ attrs: { colour: 'red' } }),
    });
    await client.joined();
    const sid = client.sid;
    const { port } = server;
    await server.close();
    await client.until(() => client.away.length > 0);
    const data = client.say('into the void');
    const attrs = client.connection.request({ type: 'attrs', attrs: { colour: 'red' } });
    const outcomes = Promise.allSettled([data, attrs]);
    await serve({ port });
    await client.joined(2);
    expect(await outcomes).toMatchObject([
      { status: 'rejected', reason: { reason: 'SESSION_GONE', retry: 'now' } },
      { status: 'fulfilled' },
    ]);
    expect(client.how).toEqual(['joined', 'rejoined']);
    expect(client.sid).not.toBe(sid);
    expect(client.joins[1]?.message.self.attrs).toEqual({ colour: 'red' });
    expect(client.tokens).toBe(2);
  });

  test('what waits is bounded', async () => {
    const server = await serve();
    const [ann] = await two(server);
    server.unreachable = true;
    server.cutSockets();
    await ann.until(() => ann.away.length > 0);
    const all = Array.from({ length: PENDING_REQUESTS_MAX + 3 }, (_, at) => ann.say(`m${at}`));
    const last = await Promise.allSettled(all.slice(PENDING_REQUESTS_MAX));
    expect(last.map((result) => result.status)).toEqual(['rejected', 'rejected', 'rejected']);
    await expect(all.at(-1)).rejects.toMatchObject({ reason: 'OVERLOADED', retry: 'later' });
    const first = Promise.allSettled(all.slice(0, PENDING_REQUESTS_MAX));
    ann.connection.close('enough');
    expect((await first).every(({ status }) => status === 'rejected')).toBe(true);
  });

  test('it is given up after the time that was set', async () => {
    const server = await serve();
    const client = connect(server.url, () => server.token(), { reconnectForMs: 200 });
    await client.joined();
    server.unreachable = true;
    server.cutSockets();
    await client.until(() => client.closed !== undefined);
    expect(client.closed).toMatchObject({ reason: 'UNREACHABLE' });
  });
});

describe('the end of a session', () => {
  test('the same identity from elsewhere stops the first', async () => {
    const server = await serve();
    const first = connect(server.url, () => server.token({ identity: 'ann' }));
    await first.joined();
    const second = connect(server.url, () => server.token({ identity: 'ann' }));
    await second.joined();
    await first.until(() => first.closed !== undefined);
    expect(first.closed).toMatchObject({ reason: 'DUPLICATE_IDENTITY', code: 4409 });
    expect(first.away).toEqual([]);
  });

  test('leaving is seen by the others at once', async () => {
    const [ann, bob] = await two(await serve());
    bob.connection.close('enough');
    await ann.until(() =>
      ann.pushes.some((push) => push.type === 'people' && push.gone.length > 0),
    );
    const people = ann.pushes.findLast((push) => push.type === 'people');
    expect(people?.gone.map(({ sid }) => sid)).toEqual([bob.sid]);
  });
});

test('many requests stay below the rate of the server', async () => {
  const server = await serve({
    limits: {
      rates: {
        messagesPerSecond: 400,
        messagesBurst: 40,
        bytesPerSecond: 1e6,
        bytesBurst: 1e6,
      },
    },
  });
  const [ann, bob] = await two(server);
  const sent = Array.from({ length: 150 }, (_, at) => `m${at}`);
  await Promise.all(sent.map((text) => bob.say(text)));
  await ann.until(() => ann.data.length === sent.length);
  expect(ann.data).toEqual(sent);
  expect(server.signaling.stats().refusals).toEqual({});
});

test('renewing brings fresh ICE servers without a word to the room', async () => {
  const server = await serve({ iceServers: [{ urls: ['turn:127.0.0.1:3478'], username: 'u' }] });
  const [ann] = await two(server);
  ann.connection.renew();
  await ann.joined(2);
  expect(ann.how).toEqual(['joined', 'resumed']);
  expect(ann.away).toEqual([]);
  const [before, after] = ann.joins.map(({ message }) => message.ice.expiresAt);
  expect(after).toBeGreaterThan(before ?? 0);
});
