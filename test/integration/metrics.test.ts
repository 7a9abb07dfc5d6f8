// /metrics of a whole server: numbers that move with real clients, labels that no sender can add to, and an answer also
// while the media worker has none.

import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mintToken } from '../../signaling/index.ts';
import { readRootFile } from '../house/source-files.ts';
import { parseExposition, samplesOf } from '../support/exposition.ts';
import type { Family } from '../support/exposition.ts';
import { API_KEY, Sterna } from '../support/e2e/sterna.ts';
import type { Endpoint } from '../support/e2e/sterna.ts';
import { buildStun, TYPE } from '../support/e2e/stun-message.ts';
import { Sha256TurnClient } from '../support/e2e/turn-client.ts';
import { SignalClient } from '../support/signal-client.ts';
import { ANY_PORT, endAll, startServer, temporaryFolder } from '../support/spawn-server.ts';

const BINDING_REQUEST = 0x0001;
const POLL = { timeout: 60_000, interval: 50 };

const DROPS = 'sterna_turn_dropped_datagrams_total';

async function scrape(url: string): Promise<Map<string, Family>> {
  const answer = await fetch(`${url}/metrics`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return parseExposition(await answer.text());
}

/** Without those of HTTP: a route has series from its first answer on, and scraping is answered by one. */
async function samples(url: string): Promise<Map<string, number>> {
  const all = samplesOf(await scrape(url));
  for (const series of all.keys()) if (series.startsWith('sterna_http_')) all.delete(series);
  return all;
}

/** Series that only the media worker knows. */
const OF_MEDIA =
  /^sterna_(?:sfu_|ice_|turn_(?!users|streams_refused)|media_(?!up|worker_restarts))/;

/** Sends datagrams and, where one is wanted, resolves with the first answer. */
async function send(to: Endpoint, datagrams: readonly Buffer[], answered = false): Promise<Buffer> {
  const socket = createSocket('udp4');
  const answer: Promise<unknown[]> = answered ? once(socket, 'message') : Promise.resolve([]);
  for (const datagram of datagrams) {
    await new Promise((resolve) => socket.send(datagram, to.port, to.host, resolve));
  }
  const [message] = await answer;
  socket.close();
  return Buffer.isBuffer(message) ? message : Buffer.alloc(0);
}

function signalClient(sterna: Sterna, token: () => string): SignalClient {
  return new SignalClient(sterna.url, token);
}

function tokenFor(identity: string): string {
  const { name: key, secret } = API_KEY;
  const grants = { room: 'daily', roomJoin: true };
  return mintToken({ key, secret, identity, grants, ttlSeconds: 60 });
}

describe.each(['auto', 'portable'])('with engine: %s', (engine) => {
  let sterna: Sterna;

  beforeEach(async () => {
    sterna = await Sterna.start({
      config: {
        engine,
        workers: 1,
        turn: {
          users: { ann: 'a password of ann' },
          listeners: ['udp://127.0.0.1:0'],
          relay: { addresses: ['127.0.0.1'] },
        },
      },
    });
  });

  afterEach(async () => sterna.stop());

  test('numbers move with a Binding, an allocation and a join, and counters only up', async () => {
    const listener = sterna.listener(4);
    const before = await samples(sterna.url);
    expect(before.get('sterna_media_up{worker="0"}')).toBe(1);
    expect(before.get('sterna_turn_allocations{worker="0",transport="udp"}')).toBe(0);

    const answer = await send(listener, [buildStun(BINDING_REQUEST, randomBytes(12), [])], true);
    expect(answer.readUInt16BE(0)).toBe(0x0101);
    const client = new Sha256TurnClient(listener, 'ann', 'a password of ann');
    const relayed = await client.allocate();
    await client.permit(relayed);
    await client.echo(relayed, Buffer.from('12345'));
    const participant = signalClient(sterna, () => tokenFor('ann'));
    await participant.joined();

    // An engine may count a datagram a moment after it has left: the Binding's answer, the 401, two successes, data.
    const sent = 'sterna_media_datagrams_sent_total{worker="0"}';
    await expect.poll(async () => (await samples(sterna.url)).get(sent), POLL).toBe(5);
    const families = await scrape(sterna.url);
    const after = samplesOf(families);
    const moved = (series: string): number => after.get(series)! - before.get(series)!;
    expect(moved('sterna_turn_allocations{worker="0",transport="udp"}')).toBe(1);
    expect(moved('sterna_turn_users')).toBe(1);
    expect(moved('sterna_media_sockets{worker="0"}')).toBe(1);
    expect(moved('sterna_media_datagrams_received_total{worker="0"}')).toBe(5);
    expect(moved(sent)).toBe(5);
    // Out and back, while the allocation goes on.
    const relays = ['packets', 'bytes'].flatMap((unit) =>
      ['to-peer', 'to-client'].map((direction) =>
        moved(
          `sterna_turn_relayed_${unit}_total{worker="0",transport="udp",direction="${direction}"}`,
        ),
      ),
    );
    expect(relays).toEqual([1, 1, 5, 5]);
    expect(moved('sterna_rooms')).toBe(1);
    expect(moved('sterna_participants')).toBe(1);
    expect(moved('sterna_signaling_sockets')).toBe(1);
    expect(moved('sterna_signaling_joins_total')).toBe(1);
    expect(after.get('sterna_signaling_join_duration_seconds{percentile="50"}')).toBeLessThan(60);
    expect(after.get('sterna_process_cpu_seconds_total{mode="user"}')).toBeGreaterThan(0);

    const again = await scrape(sterna.url);
    for (const [name, { type, samples: then }] of families) {
      if (type !== 'counter') continue;
      for (const [series, value] of then) {
        expect(again.get(name)?.samples.get(series), series).toBeGreaterThanOrEqual(value);
      }
    }
    expect([...samplesOf(again).keys()]).toEqual([...after.keys()]);
    participant.connection.close('');
    client.close();
  });

  test('what is exposed is what docs/metrics.md lists', async () => {
    const listed = readRootFile('docs/metrics.md').matchAll(/^\| `(sterna_\w+)` /gm);
    const exposed = [...(await scrape(sterna.url)).keys()];
    expect(exposed).toEqual([...listed].map(([, name]) => name));
  });

  test('no garbage makes a time series', async () => {
    const listener = sterna.listener(4);
    const first = signalClient(sterna, () => tokenFor('ann'));
    await first.joined();
    const before = await samples(sterna.url);
    const noise = Array.from({ length: 200 }, (_, i) =>
      Buffer.concat([Buffer.of(0xff), randomBytes(i % 90)]),
    );
    const users = Array.from({ length: 50 }, (_, i) =>
      buildStun(TYPE.ALLOCATE_REQUEST, randomBytes(12), [[0x0006, Buffer.from(`user "${i}"\n`)]]),
    );
    const methods = Array.from({ length: 50 }, (_, i) => buildStun(0x200 + i, randomBytes(12), []));
    await send(listener, [...noise, ...users, ...methods]);
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => fetch(`${sterna.url}/no-such-path-${i}?q=${i}`)),
    );
    const strangers = Array.from({ length: 5 }, (_, i) =>
      signalClient(sterna, () => `no token ${i}`),
    );
    await Promise.all(strangers.map((client) => client.until(() => client.closed !== undefined)));
    await expect
      .poll(async () => {
        const now = await samples(sterna.url);
        return ['not-stun', 'unexpected', 'unauthenticated-cap'].every(
          (reason) => now.get(`${DROPS}{worker="0",reason="${reason}"}`)! > 0,
        );
      }, POLL)
      .toBe(true);
    const after = await samples(sterna.url);
    expect([...after.keys()]).toEqual([...before.keys()]);
    expect(after.get('sterna_signaling_refusals_total{reason="TOKEN_INVALID"}')).toBe(5);
    first.connection.close('');
  });
});

describe('without its media worker', () => {
  const folder = temporaryFolder();
  const dead = join(folder, 'dead');
  const hung = join(folder, 'hung');
  afterAll(endAll);

  /** Runs first in every thread; makes the media worker end, or block, for as long as a file is there. */
  const preload = `
    import { existsSync } from 'node:fs';
    import { isMainThread } from 'node:worker_threads';
    const look = () => {
      if (existsSync(${JSON.stringify(dead)})) process.exit(3);
      const cell = new Int32Array(new SharedArrayBuffer(4));
      while (existsSync(${JSON.stringify(hung)})) Atomics.wait(cell, 0, 0, 20);
    };
    if (!isMainThread) {
      look();
      setInterval(look, 10);
    }
  `;

  test('a server tells the rest, that it is down, and how often it died', async () => {
    const file = join(folder, 'preload.mjs');
    writeFileSync(file, preload);
    const server = await startServer([...ANY_PORT, '--set', 'engine=portable'], {
      TMPDIR: folder,
      NODE_OPTIONS: `--import=${file}`,
    });
    const up = async (): Promise<number | undefined> =>
      (await samples(server.url)).get('sterna_media_up{worker="0"}');

    const whole = await samples(server.url);
    expect(whole.get('sterna_media_up{worker="0"}')).toBe(1);
    const restarts: number[] = [];
    for (const fault of [hung, dead]) {
      writeFileSync(fault, '');
      await expect.poll(up, POLL).toBe(0);
      const down = await Promise.all(Array.from({ length: 5 }, () => samples(server.url)));
      for (const found of down) {
        expect([...found.keys()]).toEqual(
          [...whole.keys()].filter((series) => !OF_MEDIA.test(series)),
        );
        expect(found.get('sterna_rooms')).toBe(0);
      }
      rmSync(fault);
      await expect.poll(up, POLL).toBe(1);
      const back = await samples(server.url);
      expect([...back.keys()]).toEqual([...whole.keys()]);
      restarts.push(back.get('sterna_media_worker_restarts_total{worker="0"}') ?? NaN);
    }
    expect(restarts[0]).toBe(0);
    expect(restarts[1]).toBeGreaterThan(0);
    server.kill('SIGTERM');
    expect(await server.ended).toMatchObject({ code: 0 });
  });
});
