// Attacks on a DTLS listener of TURN: floods of ClientHellos that are spoofed or that never go on, and what OpenSSL
// could be made to keep. Nothing grows without a bound, and an honest client is served meanwhile.

import { expect, it } from 'vitest';
import {
  DTLS_HANDSHAKES_MAX,
  DTLS_HANDSHAKES_PER_SOURCE_MAX,
  DTLS_SESSIONS_PER_SOURCE_MAX,
} from '../../turn/limits.ts';
import { nativeGrowth } from '../support/native-heap.ts';
import { BINDING } from '../support/turn/client.ts';
import { clientHello, reseeded, withCookie } from '../support/turn/client-hellos.ts';
import { CoreWorld } from '../support/turn/core-world.ts';
import type { DtlsCaller } from '../support/turn/dtls-caller.ts';
import { DtlsWorld } from '../support/turn/dtls-world.ts';
import { collect } from '../support/turn/heap.ts';
import { inTurn, upTo } from '../support/turn/in-turn.ts';
import { message } from '../support/turn/message.ts';
import { UdpWorld } from '../support/turn/udp-world.ts';
import { address, type World } from '../support/turn/world.ts';

const MIB = 1024 * 1024;
const HELLO = clientHello();

async function inCore(
  body: (dtls: DtlsWorld<CoreWorld>, world: CoreWorld) => Promise<void>,
): Promise<void> {
  const world = new CoreWorld();
  const dtls = await DtlsWorld.open(world);
  try {
    await body(dtls, world);
  } finally {
    dtls.close();
    await world.close();
  }
}

/** 10.0.0.0/8, one after the other. */
const host = (n: number): string => `10.${(n >> 16) & 0xff}.${(n >> 8) & 0xff}.${n & 0xff}`;

/** A ClientHello from there whose cookie comes back; the handshake goes no further. */
function halfOpen(dtls: DtlsWorld<CoreWorld>, from: string, port: number): void {
  const { engine } = dtls.world;
  const own = address(from, port);
  const listener = own.family === 4 ? dtls.listener4 : dtls.listener6;
  const inbox = engine.inbox(own);
  const hello = reseeded(HELLO, port);
  engine.inject(own, listener, hello);
  engine.run();
  const verify = inbox.shift();
  engine.inject(own, listener, withCookie(hello, verify!.bytes));
  engine.run();
  inbox.length = 0;
}

async function serves<W extends World>(dtls: DtlsWorld<W>): Promise<DtlsCaller> {
  const caller = await (await dtls.caller()).connect();
  caller.send(message(BINDING, Buffer.alloc(12, 7)));
  expect((await caller.receive()).bytes.readUInt16BE(0)).toBe(0x0101);
  return caller;
}

it('20,000 spoofed ClientHellos are each answered, and nothing is kept of them', () =>
  inCore(async (dtls, { engine }) => {
    const flood = (turn: number): void => {
      for (let n = 0; n < 200; n++) {
        const from = address(host(turn * 200 + n), 1024 + n);
        engine.inject(from, dtls.listener4, reseeded(HELLO, n));
      }
      engine.run();
    };
    engine.countOnly = true;
    for (const turn of upTo(10)) flood(turn);
    const { sent } = engine.counters;
    collect();
    const heap = process.memoryUsage().heapUsed;
    const grown = await nativeGrowth(100, flood);
    collect();
    expect(engine.counters.sent - sent).toBe(20_000);
    expect(grown).toBeLessThan(MIB);
    expect(process.memoryUsage().heapUsed - heap).toBeLessThan(MIB);
    expect(dtls.clients.stats()).toMatchObject({ sessions: 0, handshaking: 0 });
    engine.countOnly = false;
    await serves(dtls);
  }));

it('handshakes that never go on give way to new ones, the oldest first', () =>
  inCore(async (dtls) => {
    const honest = await serves(dtls);
    for (const n of upTo(2 * DTLS_HANDSHAKES_MAX)) halfOpen(dtls, host(n), 5000);
    expect(dtls.clients.stats()).toMatchObject({
      sessions: 1,
      handshaking: DTLS_HANDSHAKES_MAX,
      failures: { evicted: DTLS_HANDSHAKES_MAX },
    });
    await serves(dtls);
    honest.send(message(BINDING, Buffer.alloc(12, 8)));
    await honest.receive();
    expect(dtls.clients.stats()).toMatchObject({ sessions: 2 });
  }));

it('one address, or one IPv6 /64, has no more than its share of handshakes', () =>
  inCore(async (dtls) => {
    for (const n of upTo(DTLS_HANDSHAKES_PER_SOURCE_MAX + 10)) {
      halfOpen(dtls, '10.0.0.1', 1024 + n);
      halfOpen(dtls, `2001:db8::${n.toString(16)}:1`, 5000);
    }
    expect(dtls.clients.stats()).toMatchObject({
      handshaking: 2 * DTLS_HANDSHAKES_PER_SOURCE_MAX,
      failures: { 'too-many': 20 },
    });
    halfOpen(dtls, '2001:db8:0:1::1', 5000);
    expect(dtls.clients.stats().handshaking).toBe(2 * DTLS_HANDSHAKES_PER_SOURCE_MAX + 1);
    dtls.world.advance(10_005);
    dtls.world.sweep();
    expect(dtls.clients.stats().handshaking).toBe(0);
    await serves(dtls);
  }));

it('nor of sessions', () =>
  inCore(async (dtls) => {
    await inTurn(upTo(DTLS_SESSIONS_PER_SOURCE_MAX), () => serves(dtls));
    await expect(serves(dtls)).rejects.toThrow('nothing came');
    const elsewhere = dtls.world.endpointAt('127.0.0.2', 5000);
    await dtls.callerAt(elsewhere).connect();
    expect(dtls.clients.stats()).toMatchObject({
      sessions: DTLS_SESSIONS_PER_SOURCE_MAX + 1,
      failures: { 'too-many': 1 },
    });
  }));

it('a handshake takes in no more records than one needs, and few that come too early', () =>
  inCore(async (dtls, { engine }) => {
    const own = address('10.0.0.1', 5000);
    halfOpen(dtls, '10.0.0.1', 5000);
    const early = Buffer.alloc(1200, 0x55);
    // Application data of epoch 1, record numbers counting up.
    early.set([23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, (1200 - 13) >> 8, (1200 - 13) & 0xff]);
    const grown = await nativeGrowth(100, (turn) => {
      for (let n = 0; n < 10; n++) {
        early.writeUIntBE(turn * 10 + n, 5, 6);
        engine.inject(own, dtls.listener4, early);
      }
      engine.run();
    });
    expect(grown).toBeLessThan(MIB);
    expect(dtls.clients.stats().handshaking).toBe(1);
    const message0 = Buffer.from(HELLO);
    message0[13] = 16;
    for (const n of upTo(64)) {
      message0.writeUIntBE(100 + n, 5, 6);
      engine.inject(own, dtls.listener4, message0);
    }
    engine.run();
    expect(dtls.clients.stats()).toMatchObject({ handshaking: 0 });
    const { failed = 0, flooded = 0 } = dtls.clients.stats().failures;
    expect(failed + flooded).toBe(1);
  }));

it('500 sessions that come and go leave memory as it was', () =>
  inCore(async (dtls, { engine }) => {
    const cycle = async (n: number): Promise<void> => {
      const endpoint = dtls.world.endpointAt('127.0.0.1', 30_000 + n);
      const caller = await dtls.callerAt(endpoint).connect();
      if (n % 3 === 0) caller.hangUp();
      else if (n % 3 === 1) halfOpen(dtls, '127.0.0.1', endpoint.address.port);
      engine.run();
      if (n % 3 === 1) halfOpen(dtls, '127.0.0.1', endpoint.address.port);
      engine.run();
      caller.free();
      dtls.world.advance(60_005);
      dtls.world.sweep();
      engine.takeAll();
    };
    await inTurn(upTo(50), cycle);
    const grown = await nativeGrowth(100, async (turn) => {
      await inTurn(upTo(5), (n) => cycle(50 + 5 * turn + n));
    });
    expect(grown).toBeLessThan(MIB);
    expect(dtls.clients.stats()).toMatchObject({ sessions: 0, handshaking: 0, handshakes: 550 });
  }));

it('a flight that was lost is sent again', async () => {
  const world = await UdpWorld.open('portable');
  const dtls = await DtlsWorld.open(world);
  try {
    const caller = await dtls.caller();
    const { second } = await caller.hello();
    caller.transmit(second);
    const { bytes: lost } = await caller.endpoint.receive();
    expect(lost[13]).toBe(2);
    await caller.finish();
    // The message with its random; the records have numbers of their own.
    expect(caller.got.at(1)!.subarray(13, 59)).toEqual(lost.subarray(13, 59));
  } finally {
    dtls.close();
    await world.close();
  }
});
