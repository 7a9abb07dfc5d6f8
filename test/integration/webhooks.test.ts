// Webhooks against real receivers: what a meeting on a real server sends and how it is signed; retries, receivers that
// are slow, dead, elsewhere or redirect; and addresses that a server must not be led to.

import { createHash } from 'node:crypto';
import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import jsonwebtoken from 'jsonwebtoken';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../shared/clock.ts';
import { TokenVerifier, mintToken } from '../../signaling/index.ts';
import { isPublicAddress } from '../../server/webhooks/checked-address.ts';
import { Receiver } from '../../server/webhooks/receiver.ts';
import type { ReceiverOptions } from '../../server/webhooks/receiver.ts';
import { API_KEY, Sterna } from '../support/e2e/sterna.ts';
import { call } from '../support/http-call.ts';
import { SignalClient } from '../support/signal-client.ts';
import { keptLog } from '../unit/signaling/test-clock.ts';

interface Heard {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

type Respond = (response: ServerResponse, nth: number, request: IncomingMessage) => void;

/** A receiver of somebody's: writes down what it gets, and answers as it is told. */
class Ear {
  readonly heard: Heard[] = [];
  connections = 0;
  readonly #http: Server;
  #wake: () => void = () => undefined;

  private constructor(http: Server) {
    this.#http = http;
  }

  static async listen(respond: Respond = ok, host = '127.0.0.1', port = 0): Promise<Ear> {
    const http = createServer();
    const ear = new Ear(http);
    http.on('connection', () => ear.connections++);
    http.on('request', (request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        ear.heard.push({ headers: request.headers, body });
        respond(response, ear.heard.length, request);
        ear.#wake();
      });
    });
    http.listen(port, host);
    await once(http, 'listening');
    ears.push(ear);
    return ear;
  }

  get port(): number {
    const address = this.#http.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook?secret=s3cr3t`;
  }

  get bodies(): string[] {
    return this.heard.map(({ body }) => body);
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async close(): Promise<void> {
    this.#http.closeAllConnections();
    this.#http.close();
    await once(this.#http, 'close');
  }
}

const ok: Respond = (response) => void response.end();
const status =
  (code: number, headers: Record<string, string> = {}): Respond =>
  (response) =>
    void response.writeHead(code, headers).end();

const ears: Ear[] = [];
const receivers: Receiver[] = [];
const kept = keptLog();

afterEach(async () => {
  await Promise.all(receivers.splice(0).map((one) => one.close(0)));
  await Promise.all(ears.splice(0).map((ear) => ear.close()));
});

/** As the server makes it, but quick, and anywhere it is allowed. */
function receiver(url: string, options: Partial<ReceiverOptions> = {}): Receiver {
  const made = new Receiver({
    url: new URL(url),
    isAllowed: () => true,
    headers: (body) => ({ 'content-length': String(body.length) }),
    clock: systemClock,
    log: kept.log,
    random: () => 0,
    ...options,
    limits: {
      countMax: 100,
      bytesMax: 100_000,
      concurrency: 4,
      ageMaxMs: 60_000,
      retryMs: 20,
      retryMaxMs: 40,
      connectMs: 1000,
      totalMs: 150,
      ...options.limits,
    },
  });
  receivers.push(made);
  return made;
}

function send(to: Receiver, ...texts: string[]): void {
  for (const text of texts) to.send('RM_1', Buffer.from(text));
}

async function settled(made: Receiver): Promise<void> {
  while (made.queued > 0) {
    // oxlint-disable-next-line no-await-in-loop -- waits
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const webhook = z.looseObject({
  id: z.uuid(),
  event: z.string(),
  createdAt: z.int(),
  room: z.looseObject({ sid: z.string(), name: z.string() }),
  participant: z
    .looseObject({ sid: z.string(), identity: z.string(), name: z.string() })
    .optional(),
  reason: z.string().optional(),
});

/** What docs/webhooks.md tells a receiver to do. */
function verified({ headers, body }: Heard): z.output<typeof webhook> {
  const claims = jsonwebtoken.verify(headers.authorization ?? '', API_KEY.secret, {
    algorithms: ['HS256'],
    issuer: API_KEY.name,
  });
  const sha256 = createHash('sha256').update(body).digest('base64');
  expect(claims).toMatchObject({ sha256 });
  return webhook.parse(JSON.parse(body));
}

function token(identity: string): string {
  const { name: key, secret } = API_KEY;
  const grants = { room: 'daily', roomJoin: true };
  return mintToken({ key, secret, identity, grants, ttlSeconds: 60 });
}

describe('a server', () => {
  it('tells of a meeting, once and in order, signed; the end of the server included', async () => {
    const [all, few] = [await Ear.listen(), await Ear.listen()];
    const sterna = await Sterna.start({
      config: {
        turn: { secrets: ['a secret of TURN for these tests'], listeners: ['udp://127.0.0.1:0'] },
        webhooks: { urls: [all.url, few.url], key: API_KEY.name, allowPrivate: true },
      },
    });
    const ann = new SignalClient(sterna.url, () => token('ann'));
    await ann.joined();
    const bob = new SignalClient(sterna.url, () => token('bob "the builder"'));
    await bob.joined();
    bob.connection.close('bye');
    await all.until(() => all.heard.length >= 4);
    const metrics = await call(sterna.port, 'GET', '/metrics');
    expect(metrics.body).toContain('sterna_webhook_deliveries_total{outcome="delivered"}');
    await sterna.stop();
    expect(sterna.output).not.toContain('s3cr3t');

    const events = all.heard.map(verified);
    expect(events.map((one) => [one.event, one.participant?.identity, one.reason])).toEqual([
      ['room_started', undefined, undefined],
      ['participant_joined', 'ann', undefined],
      ['participant_joined', 'bob "the builder"', undefined],
      ['participant_left', 'bob "the builder"', 'LEFT'],
      ['participant_left', 'ann', 'DRAINING'],
      ['room_finished', undefined, 'DRAINING'],
    ]);
    expect(new Set(events.map(({ id }) => id)).size).toBe(6);
    expect(
      events.every(({ room }) => room.name === 'daily' && room.sid === events[0]?.room.sid),
    ).toBe(true);
    expect(few.bodies).toEqual(all.bodies);
    expect(all.heard[0]?.headers['content-type']).toBe('application/webhook+json');
    // Kept alive: one room, one after the other.
    expect(all.connections).toBe(1);

    // Whoever receives it cannot come back with the token.
    const verifier = new TokenVerifier({ [API_KEY.name]: API_KEY.secret }, { clock: systemClock });
    expect(verifier.verify(all.heard[0]?.headers.authorization ?? '')).toBe('TOKEN_INVALID');
    // And a signature is for its body alone.
    const forged = { headers: all.heard[0]!.headers, body: all.heard[1]!.body };
    expect(() => verified(forged)).toThrow('sha256');
  });
});

describe('a delivery', () => {
  it('is tried again after 5xx, 429 and broken connections, and keeps its place in its room', async () => {
    const ear = await Ear.listen((response, nth) => {
      if (nth === 1) response.writeHead(500).end();
      else if (nth === 2) response.writeHead(429, { 'retry-after': '0' }).end();
      else if (nth === 3) response.destroy();
      else response.end();
    });
    const to = receiver(ear.url);
    send(to, 'a', 'b');
    await settled(to);
    expect(ear.bodies).toEqual(['a', 'a', 'a', 'a', 'b']);
    expect([to.counts.delivered, to.retries]).toEqual([2, 3]);
    expect(kept.events().slice(-2)).toEqual(['webhook.failing', 'webhook.recovered']);
  });

  it('waits for a receiver that is not there yet, and goes on with it', async () => {
    const gone = await Ear.listen();
    const { port } = gone;
    await gone.close();
    ears.pop();
    const to = receiver(`http://127.0.0.1:${port}/`);
    send(to, 'a');
    while (to.retries < 2) {
      // oxlint-disable-next-line no-await-in-loop -- waits
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const ear = await Ear.listen(ok, '127.0.0.1', port);
    await settled(to);
    expect(ear.bodies).toEqual(['a']);
  });

  it.each([400, 404, 410, 301, 307])('is given up at status %i', async (code) => {
    const elsewhere = await Ear.listen();
    const ear = await Ear.listen(status(code, { location: elsewhere.url }));
    const to = receiver(ear.url);
    send(to, 'a', 'b');
    await settled(to);
    expect([ear.bodies, elsewhere.bodies]).toEqual([['a', 'b'], []]);
    expect(to.counts).toMatchObject({ delivered: 0, rejected: 2 });
  });

  it('is given up when it is too old', async () => {
    const ear = await Ear.listen(status(503));
    const to = receiver(ear.url, { clock: { ...systemClock, monotonic: steps(30_000) } });
    send(to, 'a');
    await settled(to);
    expect(to.counts).toMatchObject({ delivered: 0, expired: 1 });
  });

  it('that gets no answer in time is tried again; other rooms and receivers do not wait for it', async () => {
    const slow = await Ear.listen((response, _, request) => {
      if (request.url === '/slow') return;
      response.end();
    });
    const stuck = receiver(`http://127.0.0.1:${slow.port}/slow`);
    const quick = receiver(`http://127.0.0.1:${slow.port}/`);
    send(stuck, 'a');
    send(quick, 'b');
    await settled(quick);
    expect([stuck.queued, stuck.retries, slow.bodies.toSorted()]).toEqual([1, 0, ['a', 'b']]);
    await slow.until(() => slow.heard.length >= 3);
    expect(stuck.counts.delivered).toBe(0);
    expect(stuck.retries).toBeGreaterThan(0);
  });

  it('counts by its status, however long the answer is', async () => {
    const ear = await Ear.listen((response) => {
      response.writeHead(200);
      const more = setInterval(() => response.write('x'.repeat(20_000)), 1);
      response.on('close', () => clearInterval(more));
    });
    const to = receiver(ear.url);
    send(to, 'a', 'b');
    await settled(to);
    expect([ear.bodies, to.counts.delivered]).toEqual([['a', 'b'], 2]);
  });

  it('under way when the server ends is waited for, and given up when that takes too long', async () => {
    const answers: ServerResponse[] = [];
    const ear = await Ear.listen((response) => void answers.push(response));
    const [good, bad] = [receiver(ear.url), receiver(ear.url)];
    send(good, 'a');
    await ear.until(() => answers.length === 1);
    const closed = good.close(5000);
    answers[0]!.end();
    await closed;
    expect(good.counts).toMatchObject({ delivered: 1, abandoned: 0 });
    send(bad, 'b', 'c');
    await ear.until(() => answers.length === 2);
    await bad.close(10);
    expect(bad.counts).toMatchObject({ delivered: 0, abandoned: 2 });
    send(bad, 'd');
    expect([bad.queued, bad.counts.abandoned]).toEqual([0, 3]);
  });
});

/** A clock that goes on by so much each time it is asked. */
function steps(ms: number): () => number {
  let now = 0;
  return () => (now += ms);
}

describe('an address', () => {
  const PRIVATE = [
    '127.0.0.1',
    '10.1.2.3',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '::1',
    '::',
    'fd00::1',
    'fe80::1',
    'fe80::1%lo',
    '::ffff:127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    'nonsense',
  ];

  it.each(PRIVATE)('such as %s is not public', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it.each(['1.1.1.1', '2606:4700::1111'])('such as %s is', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each(['127.0.0.1', '2130706433', '0x7f.1', '[::1]', '[::ffff:7f00:1]', 'localhost'])(
    'that is not public is never connected to: %s',
    async (host) => {
      const ear = await Ear.listen();
      const to = receiver(`http://${host}:${ear.port}/`, { isAllowed: isPublicAddress });
      send(to, 'a');
      await settled(to);
      expect([to.counts.blocked, ear.connections]).toEqual([1, 0]);
    },
  );

  it('is judged for each connection, and nothing else is connected to', async () => {
    const inside = await Ear.listen();
    const outside = await Ear.listen(
      (response) => void response.setHeader('connection', 'close').end(),
      '127.0.0.2',
      inside.port,
    );
    const answers: LookupAddress[][] = [
      [v4('127.0.0.1'), v4('127.0.0.2')],
      [v4('127.0.0.2')],
      [v4('127.0.0.1')],
    ];
    let asked = 0;
    const to = receiver(`http://rebinding.test:${inside.port}/`, {
      isAllowed: (address) => address === '127.0.0.2',
      resolve: (_host, _options, callback) => callback(null, answers[asked++] ?? []),
    });
    send(to, 'a', 'b', 'c');
    await settled(to);
    expect([outside.bodies, inside.connections, asked]).toEqual([['a', 'b'], 0, 3]);
    expect(to.counts).toMatchObject({ delivered: 2, blocked: 1 });
  });
});

function v4(address: string): LookupAddress {
  return { address, family: 4 };
}
