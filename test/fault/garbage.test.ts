// 200,000 datagrams of garbage, at the listener and at live relays, while an honest flow goes on: nothing but the
// honest flow comes out, every datagram is accounted for, and memory stays where it is.

import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';
import { TransportAddress } from '../../shared/net/transport-address.ts';
import { Sterna } from '../support/e2e/sterna.ts';
import { EchoPeer } from '../support/fault/echo-peer.ts';
import { held } from '../support/fault/held.ts';
import { inParallel } from '../support/fault/in-parallel.ts';
import { INSPECT, Inspector } from '../support/fault/inspector.ts';
import { metrics, residentMiB } from '../support/fault/server-state.ts';
import { type TurnAllocation, TurnSocket, turnConfig } from '../support/fault/turn-socket.ts';
import {
  ALLOCATE,
  BINDING,
  CHANNEL_BIND,
  channelNumber,
  CREATE_PERMISSION,
  data,
  lifetime,
  peer as peerAddress,
  REFRESH,
  SEND_INDICATION,
  UDP,
} from '../support/turn/client.ts';
import { FUZZ_SEED } from '../support/fuzz.ts';
import { Chance, mutate } from '../support/turn/fuzz.ts';
import { channelData, fingerprinted, message, sign, text } from '../support/turn/message.ts';
import { ReceivedMessage } from '../support/turn/received.ts';

const DATAGRAMS = 200_000;
const SOURCES = 500;
const HONEST = 8;
/** Sent before the honest flow is heard again: below what the listener's buffer holds. */
const BATCH = 400;
const CHANNEL = 0x4000;
/** Half of the sources have the honest client's host, so that nothing but their port tells them apart. */
const CLIENT_HOST = '127.0.0.1';
const STRANGER_HOST = '127.0.0.3';
const PEER_HOST = '127.0.0.2';
const MIB = 1024 * 1024;

const id = (): Uint8Array => randomBytes(12);

/** Messages that mean something, signed with a key that nobody has. */
function corpus(target: TransportAddress): Uint8Array[] {
  const key = randomBytes(16);
  const credentials = [text(0x0006, 'fault'), text(0x0014, 'example.org'), text(0x0015, 'nonce')];
  const requests = [
    message(ALLOCATE, id(), [UDP, ...credentials]),
    message(REFRESH, id(), [lifetime(0), ...credentials]),
    message(CREATE_PERMISSION, id(), [peerAddress(target), ...credentials]),
    message(CHANNEL_BIND, id(), [channelNumber(CHANNEL), peerAddress(target), ...credentials]),
  ];
  return [
    message(BINDING, id()),
    message(ALLOCATE, id(), [UDP]),
    ...requests,
    ...requests.map((request) => sign(request, 'sha1', key)),
    ...requests.map((request) => fingerprinted(sign(request, 'sha256', key))),
    message(SEND_INDICATION, id(), [peerAddress(target), data(Buffer.from('garbage'))]),
    message(0x0017, id(), [peerAddress(target), data(Buffer.from('garbage'))]),
    channelData(CHANNEL, Buffer.from('garbage')),
    channelData(CHANNEL, Buffer.from('garbage'), 60_000),
    Buffer.alloc(0),
  ];
}

it(`200,000 datagrams from 500 sources (STERNA_FUZZ_SEED=${FUZZ_SEED})`, async () => {
  const chance = new Chance(FUZZ_SEED);
  const sterna = await Sterna.start({
    config: {
      workers: 1,
      turn: turnConfig({ limits: { unauthorizedPerSecond: 10, allocationsPerSecond: 0 } }),
    },
    nodeFlags: INSPECT,
  });
  onTestFinished(() => sterna.kill());
  const server = sterna.listener(4);
  const inspector = await Inspector.attach(sterna);
  const peer = await EchoPeer.open(PEER_HOST);
  const honest = await honestFlow(sterna, peer);

  let answers = 0;
  const sources = await inParallel(Array.from({ length: SOURCES }), 64, async (_, n) => {
    const socket = await bound(n % 2 === 0 ? CLIENT_HOST : STRANGER_HOST);
    socket.on('message', (bytes) => {
      answers++;
      const { messageClass } = new ReceivedMessage(bytes);
      if (messageClass !== 'success' && messageClass !== 'error') throw new Error('not an answer');
    });
    return socket;
  });

  const target = new TransportAddress().setV4(0x7f00_0002, peer.address.port);
  const meaningful = corpus(target);
  await honest.exchange();
  const before = await metrics(sterna);
  const heapBefore = await inspector.heapOfWorker();
  const residentBefore = residentMiB(sterna);

  for (let n = 0; n < DATAGRAMS; n++) {
    const whole = chance.pick(meaningful);
    const how = chance.below(4);
    const bytes =
      how === 0
        ? chance.bytes(chance.length())
        : how === 1
          ? whole
          : mutate(whole, chance, chance.pick(meaningful));
    const source = sources[n % SOURCES]!;
    const relay = chance.below(3) === 0 ? chance.pick(honest.allocations).relayed : undefined;
    // To relays from another host only: for the client's own it may have a permission, and then it is no garbage.
    if (relay !== undefined && n % 2 === 1) source.send(bytes, relay.port, relay.host);
    else source.send(bytes, server.port, server.host);
    if (n % BATCH === BATCH - 1) await honest.exchange();
  }
  await honest.exchange();

  const after = await metrics(sterna);
  const heapAfter = await inspector.heapOfWorker();
  const residentAfter = residentMiB(sterna);
  const grown = (name: string): number => after(name) - before(name);
  const received = grown('sterna_media_datagrams_received_total');
  const sent = grown('sterna_media_datagrams_sent_total');
  const dropped = grown('sterna_turn_dropped_datagrams_total');
  expect(honest.surprises).toEqual([]);
  expect(peer.received).toBe(honest.sent);
  expect(received).toBeGreaterThan(DATAGRAMS * 0.9);
  // Whatever came in was answered, relayed, or dropped for a reason that is counted.
  expect(sent + dropped).toBe(received);
  expect(grown('sterna_media_datagrams_send_dropped_total')).toBe(0);
  expect(after('sterna_turn_allocations')).toBe(HONEST);
  expect(heapAfter - heapBefore).toBeLessThan(2 * MIB);
  expect(residentAfter - residentBefore).toBeLessThan(64);

  inspector.close();
  for (const socket of sources) socket.close();
  honest.close();
  peer.close();
  await sterna.stop();
  held(
    `${received} received = ${sent} sent + ${dropped} dropped; ${answers} answers to garbage, none but answers; ` +
      `honest ${honest.sent} of ${honest.sent}; heap ${(heapBefore / MIB).toFixed(1)} -> ` +
      `${(heapAfter / MIB).toFixed(1)} MiB, resident ${residentBefore} -> ${residentAfter} MiB`,
  );
});

interface HonestFlow {
  readonly allocations: readonly TurnAllocation[];
  /** What came to its clients that nobody had sent them. */
  readonly surprises: string[];
  readonly sent: number;
  /** One datagram through each allocation and back. */
  exchange(): Promise<void>;
  close(): void;
}

async function honestFlow(sterna: Sterna, peer: EchoPeer): Promise<HonestFlow> {
  const sockets = await Promise.all(Array.from({ length: HONEST }, () => TurnSocket.open()));
  const allocations = await Promise.all(
    sockets.map(async (socket) => {
      const allocation = await socket.allocate(sterna.listener(4));
      await allocation.bind(CHANNEL, peer.address);
      return allocation;
    }),
  );
  const waiting = new Map<string, () => void>();
  const surprises: string[] = [];
  for (const [i, socket] of sockets.entries()) {
    socket.onData = (_from, channel, payload) => {
      const key = `${i}: ${payload.toString()}`;
      const resolve = waiting.get(key);
      if (channel !== CHANNEL || resolve === undefined) surprises.push(key);
      waiting.delete(key);
      resolve?.();
    };
  }
  let sent = 0;
  const exchange = async (): Promise<void> => {
    const echoes = allocations.map(
      (allocation, i) =>
        new Promise<void>((resolve) => {
          const payload = `honest ${sent++}`;
          waiting.set(`${i}: ${payload}`, resolve);
          allocation.sendChannel(CHANNEL, Buffer.from(payload));
        }),
    );
    await Promise.all(echoes);
  };
  const close = (): void => {
    for (const socket of sockets) socket.close();
  };
  return {
    allocations,
    surprises,
    get sent() {
      return sent;
    },
    exchange,
    close,
  };
}

async function bound(host: string): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, host);
  await once(socket, 'listening');
  return socket;
}
