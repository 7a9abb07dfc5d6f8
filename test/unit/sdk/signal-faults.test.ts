// The signaling connection of the SDK against a server that falls silent, throws it out or talks nonsense:
// a WebSocket server of the test's own, since the real one does none of that.

import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { z } from 'zod';
import type { SignalOptions } from '../../../sdk/signal-connection.ts';
import { SignalClient } from '../../support/signal-client.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

function connect(url: string, options: Partial<SignalOptions> = {}): SignalClient {
  const client = new SignalClient(url, () => 'token', options);
  closers.push(() => client.connection.close('test over'));
  return client;
}

const firstMessage = z.object({
  type: z.literal('join'),
  i: z.number(),
  session: z.looseObject({}).optional(),
  offer: z.object({ id: z.number(), sdp: z.string() }).optional(),
});
type Join = z.output<typeof firstMessage>;

/** A server of our own that answers each `join` as the test says. */
async function scripted(answer: (socket: WebSocket, join: Join) => void): Promise<string> {
  const wss = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    handleProtocols: () => 'sterna.v1',
  });
  await once(wss, 'listening');
  closers.push(() => {
    for (const socket of wss.clients) socket.terminate();
    wss.close();
  });
  wss.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => {
      const message = firstMessage.safeParse(JSON.parse(data.toString()));
      if (message.success) answer(socket, message.data);
    });
  });
  const address = wss.address();
  if (typeof address !== 'object' || address === null) throw new Error('Not listening');
  return `ws://127.0.0.1:${address.port}`;
}

const joined = (re: number, more: object = {}): string =>
  JSON.stringify({
    type: 'joined',
    re,
    s: 0,
    session: { id: 'S', secret: 'x', ttlMs: 30_000 },
    room: { name: 'r' },
    self: { sid: 'PA_me', v: 1, attrs: {}, perm: {} },
    participants: [],
    ice: { servers: [], expiresAt: 0 },
    ping: { everyMs: 250, timeoutMs: 500 },
    limits: { ratePerSecond: 50, rateBurst: 200, rateBytesPerSecond: 1e6, rateBytesBurst: 1e6 },
    resumed: false,
    lost: false,
    ...more,
  });

test('a socket that falls silent is taken for lost, and the session resumed', async () => {
  const url = await scripted((socket, { i, session }) => {
    socket.send(joined(i, { resumed: session !== undefined }));
  });
  const client = connect(url);
  await client.joined(2);
  expect(client.how).toEqual(['joined', 'resumed']);
  expect(client.away).toEqual(['UNREACHABLE']);
});

test('a bye that asks for a resume after a pause is obeyed', async () => {
  const seen: boolean[] = [];
  const url = await scripted((socket, { i, session }) => {
    seen.push(session !== undefined);
    socket.send(
      joined(i, { resumed: session !== undefined, ping: { everyMs: 5000, timeoutMs: 15_000 } }),
    );
    if (seen.length > 1) return;
    socket.send(
      JSON.stringify({
        type: 'bye',
        code: 4451,
        reason: 'SLOW_CONSUMER',
        message: 'read faster',
        action: 'resume',
        afterMs: 50,
      }),
    );
  });
  const client = connect(url);
  await client.joined(2);
  expect(seen).toEqual([false, true]);
  expect(client.away).toEqual(['SLOW_CONSUMER']);
});

test('nonsense in every form does no harm', async () => {
  const url = await scripted((socket, { i }) => {
    for (const text of ['{', '[]', 'null', '{"type":"people"}', '{"type":"zzz","s":1}']) {
      socket.send(text);
    }
    socket.send(Buffer.from([1, 2, 3]));
    socket.send('{"type":"ok","re":99}');
    socket.send('{"type":"error","re":99,"reason":"TOO_LARGE"}');
    socket.send(joined(i + 1));
    socket.send(joined(i, { ping: { everyMs: 5000, timeoutMs: 15_000 } }));
    socket.send('{"type":"data","s":1,"from":"a","direct":false,"payload":"aGk="}');
    socket.send('{"type":"data","s":1,"from":"a","direct":false,"payload":"aGk="}');
    socket.send('{"type":"data","s":2,"from":"a","direct":false,"payload":"aG8="}');
  });
  const client = connect(url);
  await client.until(() => client.data.length === 2);
  expect(client.data).toEqual(['hi', 'ho']);
  expect(client.how).toEqual(['joined']);
});

test('a session that is thrown out again and again is retried ever more slowly', async () => {
  const url = await scripted((socket, { i }) => {
    socket.send(joined(i));
    socket.close(4400, 'again');
  });
  const client = connect(url);
  await client.until(() => client.delays.length >= 4);
  expect(client.delays).toEqual([0, 300, 1200, 2700]);
  expect(client.away).toEqual(Array.from({ length: 4 }, () => 'BAD_MESSAGE'));
});

test('the offer travels in each join that is no resume, made while the socket opens', async () => {
  const offers: (number | undefined)[] = [];
  const url = await scripted((socket, { i, session, offer }) => {
    offers.push(offer?.id);
    const resumed = session !== undefined;
    if (resumed && offers.length === 3) {
      const message = '';
      const refused = { type: 'error', re: i, code: 4450, reason: 'SESSION_GONE', message };
      socket.send(JSON.stringify({ ...refused, retry: 'now' }));
      return;
    }
    socket.send(joined(i, { resumed, ping: { everyMs: 5000, timeoutMs: 15_000 } }));
    if (offers.length < 3) socket.terminate();
  });
  let made = 0;
  const client = connect(url, {
    joinOffer: async () => {
      made += 1;
      const id = made;
      // Later than the socket: the join waits for it.
      await new Promise((resolve) => setTimeout(resolve, 50));
      return { offer: { id, sdp: 'v=0' }, tracks: [] };
    },
  });
  await client.joined(3);
  expect(client.how).toEqual(['joined', 'resumed', 'rejoined']);
  expect(offers).toEqual([1, undefined, undefined, 2]);
  expect(made).toBe(2);
});

test('a request for an answer gets it, the server speaks of who speaks, and slots are pushes', async () => {
  const answer = { id: 1, sdp: 'v=0', tracks: [], bind: [], need: { audio: 0, video: 0 } };
  const url = await scripted((socket, { i }) => {
    socket.send(joined(i, { ping: { everyMs: 5000, timeoutMs: 15_000 } }));
    socket.send('{"type":"bind","s":1,"map":[]}');
    socket.send('{"type":"bind","s":1,"map":[]}');
    socket.send('{"type":"need","s":2,"audio":1,"video":2}');
    socket.send('{"type":"media","s":3,"state":"lost","reason":""}');
    socket.on('message', (data: Buffer) => {
      const { type, i: re } = z
        .object({ type: z.string(), i: z.number().optional() })
        .parse(JSON.parse(data.toString()));
      if (type === 'offer') socket.send(JSON.stringify({ type: 'answer', re, ...answer }));
    });
    socket.send('{"type":"speakers","speakers":[]}');
  });
  const client = connect(url);
  await client.joined();
  const request = client.connection.request({ type: 'offer', id: 1, sdp: 'v=0', tracks: [] });
  expect(await request).toMatchObject(answer);
  expect(client.pushes.map(({ type, s }) => `${type} ${s}`)).toEqual([
    'bind 1',
    'need 2',
    'media 3',
  ]);
  expect(client.speakers).toBe(1);
});
