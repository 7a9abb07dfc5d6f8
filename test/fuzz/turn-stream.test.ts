// TURN over TCP under valid and mutated messages in random pieces: the framing agrees with one that sees all of a
// stream at once, nothing throws, what comes out is well formed, and what is kept of a connection stays bounded.

import { expect, it } from 'vitest';
import { TurnStreams } from '../../turn/index.ts';
import type { TurnStreamEvent } from '../../turn/stream-control.ts';
import { StreamFraming } from '../../turn/stream-framing.ts';
import { breathe, fuzzRuns, fuzzSeeds, fuzzTimeoutMs } from '../support/fuzz.ts';
import {
  BINDING,
  CHANNEL_BIND,
  channelNumber,
  data,
  peer,
  SEND_INDICATION,
  TurnClient,
  UDP,
} from '../support/turn/client.ts';
import { CoreWorld } from '../support/turn/core-world.ts';
import { Chance, mutate } from '../support/turn/fuzz.ts';
import { inTurn, upTo } from '../support/turn/in-turn.ts';
import { channelData, concat, message } from '../support/turn/message.ts';
import { ReceivedMessage } from '../support/turn/received.ts';
import { firstMessage, framed } from '../support/turn/stream-world.ts';
import type { Endpoint } from '../support/turn/world.ts';

const INPUTS = fuzzRuns(6_000);
const CLIENTS = 8;
/** The client who sends nothing but good messages, so that its connection stays. */
const HONEST = 0;
const LIMIT = 2000;
/** Data, responses beyond it, and nothing else. */
const UNREAD_MAX = (256 + 64) * 1024;

const EDGES = [0, 1, 3, 4, 0x7cc, 0x7d0, 0xfffc, 0xfffd, 0xfffe, 0xffff];

/** A message as a client may send it, or nearly. */
function anyFrame(chance: Chance): Uint8Array {
  const what = chance.below(20);
  const payload = chance.bytes(chance.length());
  if (what < 6) return message(BINDING, chance.bytes(12), what < 2 ? [[0x8022, payload]] : []);
  if (what < 14) return framed(channelData(0x4000 + chance.below(0x1000), payload));
  if (what < 15) return concat(Uint8Array.of(0, 1), chance.bytes(chance.length()));
  if (what < 16) return chance.bytes(chance.length());
  if (what < 17) {
    // Claims more than it brings: what follows is part of it, whatever it looks like.
    return channelData(0x4000 + chance.below(0x1000), payload, chance.pick(EDGES));
  }
  const [one, other] = [message(BINDING, chance.bytes(12)), framed(channelData(0x4000, payload))];
  return chance.below(2) === 0 ? mutate(one, chance, other) : mutate(other, chance, one);
}

/** What is in a stream, for who sees all of it: where each message begins and how long it is, and whether it goes on. */
function judge(stream: Uint8Array): { messages: string[]; follows: boolean } {
  const bytes = Buffer.from(stream);
  const messages: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const left = bytes.length - at;
    const isStun = bytes[at]! < 4;
    if (!isStun && (bytes[at]! < 0x40 || bytes[at]! > 0x4f)) return { messages, follows: false };
    if (left < 4) break;
    const length = bytes.readUInt16BE(at + 2) + (isStun ? 20 : 4);
    const whole = Math.ceil(length / 4) * 4;
    if ((isStun && length !== whole) || whole > LIMIT) return { messages, follows: false };
    if (isStun && left >= 8 && bytes.readUInt32BE(at + 4) !== 0x2112a442) {
      return { messages, follows: false };
    }
    if (left < whole) break;
    messages.push(bytes.toString('latin1', at, at + length));
    at += whole;
  }
  return { messages, follows: true };
}

it.each(fuzzSeeds('turn-stream'))(
  `${INPUTS} pieces of streams come to what is in them, STERNA_FUZZ_SEED=%i`,
  { timeout: fuzzTimeoutMs(INPUTS) },
  async (seed) => {
    const chance = new Chance(seed);
    let [pieces, ended, found] = [0, 0, 0];
    for (let i = 0; pieces < INPUTS; i++) {
      const stream = concat(...upTo(1 + chance.below(8)).map(() => anyFrame(chance)));
      const messages: string[] = [];
      const onMessage = (bytes: Uint8Array, offset: number, length: number): void =>
        void messages.push(Buffer.from(bytes).toString('latin1', offset, offset + length));
      const framing = new StreamFraming({ messageBytesMax: LIMIT, onMessage }, 0x4fff);
      let follows = true;
      for (let at = 0; at < stream.length; pieces++) {
        const end = at + 1 + chance.below(chance.pick([1, 5, 40, 2000]));
        const piece = stream.slice(at, end);
        follows = framing.push(piece);
        piece.fill(0xee);
        at = end;
        if (framing.heldCapacity > LIMIT) throw new Error(`${framing.heldCapacity} bytes held`);
      }
      const wanted = judge(stream);
      expect({ messages, follows }).toEqual(wanted);
      if (!follows && framing.heldCapacity > 0) throw new Error('held after the end');
      ended += follows ? 0 : 1;
      found += messages.length;
      // oxlint-disable-next-line eslint/no-await-in-loop -- a pause, now and then
      await breathe(i);
    }
    expect(ended).toBeGreaterThan(INPUTS / 200);
    expect(found).toBeGreaterThan(INPUTS / 20);
  },
);

/** Clients whose bytes go to the server as they are, in pieces, and who read now and then. */
class Streams {
  readonly world: CoreWorld;
  readonly chance: Chance;
  readonly streams: TurnStreams;
  readonly clients: TurnClient[] = [];
  readonly peers: Endpoint[];
  readonly outcomes = new Map<string, number>();
  /** By client: the number of its connection. */
  readonly #numbers: number[] = [];
  readonly #coming = new Map<number, Buffer>();
  readonly #unread = new Map<number, number>();
  #next = 1;
  /** By client: the last relayed address it was told. */
  readonly #relays: (Endpoint['address'] | undefined)[] = [];
  readonly #ended: number[] = [];

  constructor(chance: Chance) {
    this.chance = chance;
    this.world = new CoreWorld({ ports: { first: 50_000, last: 50_031 } });
    const { server, engine } = this.world;
    const emit = (event: TurnStreamEvent): void => this.#heard(event);
    this.streams = new TurnStreams({ server, engine, channelNumberMax: 0x4fff, emit });
    this.peers = upTo(4).map((i) => this.world.endpointAt('127.0.0.2', 7000 + i));
  }

  async begin(): Promise<void> {
    // Nonces are bound to the address of a client, whatever its transport.
    const clients = await inTurn(upTo(CLIENTS), () => TurnClient.of(this.world));
    this.clients.push(...clients);
    for (const i of upTo(CLIENTS)) this.#open(i);
    this.#say(HONEST, clients[HONEST]!.build(0x0003, [UDP]));
  }

  #open(client: number): void {
    const [local, remote] = [this.world.listener4, this.clients[client]!.endpoint.address].map(
      ({ host, port }) => ({ host, port }),
    );
    const stream = this.#next++;
    this.#numbers[client] = stream;
    this.#coming.set(stream, Buffer.alloc(0));
    this.#unread.set(stream, 0);
    const open = { type: 'turn.open', stream, transport: 'tcp' } as const;
    this.streams.onCommand({ ...open, local: local!, remote: remote! }, this.world.engine.now);
  }

  #message(client: TurnClient): Uint8Array {
    const { chance } = this;
    const to = peer(chance.pick(this.peers).address);
    const what = chance.below(12);
    if (what < 2) return client.build(0x0003, [UDP]);
    if (what < 4) return client.build(CHANNEL_BIND, [channelNumber(0x4000 + chance.below(3)), to]);
    if (what < 5) return client.build(0x0008, [to, to]);
    if (what < 8)
      return framed(channelData(0x4000 + chance.below(3), chance.bytes(chance.length())));
    if (what < 10) {
      const attributes = [to, data(chance.bytes(chance.length()))];
      return message(SEND_INDICATION, chance.bytes(12), attributes);
    }
    return anyFrame(chance);
  }

  step(): void {
    const { chance, world } = this;
    const index = chance.below(CLIENTS);
    const what = chance.below(100);
    if (index === HONEST && what < 62) {
      this.#say(
        index,
        this.clients[index]!.build(
          0x0008,
          this.peers.map((each) => peer(each.address)),
        ),
      );
    } else if (what < 60) this.#say(index, this.#message(this.clients[index]!));
    else if (what < 62) {
      const [one, other] = [this.#message(this.clients[index]!), anyFrame(chance)];
      this.#say(index, mutate(one, chance, other));
    } else if (what < 85) this.#fromPeer();
    else if (what < 90) this.#read(index);
    else if (what < 91 && index !== HONEST) {
      const stream = this.#numbers[index]!;
      this.streams.onCommand({ type: 'turn.close', stream }, world.engine.now);
      this.#open(index);
    }
    if (chance.below(4) === 0) world.engine.run();
  }

  #fromPeer(): void {
    const { chance } = this;
    const to = this.#relays[chance.below(2) === 0 ? HONEST : chance.below(CLIENTS)];
    const size = chance.pick([0, 1, 3, 100, 1200, 9000]);
    if (to !== undefined) chance.pick(this.peers).send(new Uint8Array(size), to);
  }

  #say(index: number, bytes: Uint8Array): void {
    const { chance, world } = this;
    const stream = this.#numbers[index]!;
    for (let at = 0; at < bytes.length;) {
      const end = at + 1 + chance.below(chance.pick([8, 100, 2000]));
      const piece = bytes.slice(at, end);
      this.streams.onCommand({ type: 'turn.bytes', stream, bytes: piece }, world.engine.now);
      piece.fill(0xee);
      at = end;
    }
  }

  #read(index: number): void {
    // Who seldom reads loses data.
    if (index === HONEST && this.chance.below(10) > 0) return;
    const stream = this.#numbers[index]!;
    const unread = this.#unread.get(stream)!;
    const bytes = this.chance.below(unread + 1);
    this.#unread.set(stream, unread - bytes);
    this.streams.onCommand({ type: 'turn.drained', stream, bytes }, this.world.engine.now);
  }

  #heard(event: TurnStreamEvent): void {
    const { stream } = event;
    if (event.type === 'turn.end') {
      this.#count('end');
      this.#coming.delete(stream);
      const index = this.#numbers.indexOf(stream);
      if (index >= 0 && this.streams.size > 0) this.#ended.push(index);
      return;
    }
    const coming = this.#coming.get(stream);
    if (coming === undefined) throw new Error(`${event.type} after the end`);
    if (event.type === 'turn.taken') return;
    const unread = this.#unread.get(stream)! + event.bytes.length;
    if (unread > UNREAD_MAX) throw new Error(`${unread} bytes that nobody reads`);
    this.#unread.set(stream, unread);
    this.#coming.set(stream, this.#messages(stream, Buffer.concat([coming, event.bytes])));
  }

  #messages(stream: number, bytes: Buffer): Buffer {
    let rest = bytes;
    for (;;) {
      const first = firstMessage(rest);
      if (first === undefined) return rest;
      rest = rest.subarray((first.length + 3) & ~3);
      if (first[0]! >= 0x40) {
        this.#count('channel');
        continue;
      }
      const received = new ReceivedMessage(first);
      if (!received.paddingIsZero) throw new Error('padding');
      this.#count(received.messageClass);
      const [relayed] = received.addresses(0x0016);
      if (relayed !== undefined) this.#relays[this.#numbers.indexOf(stream)] = relayed;
    }
  }

  #count(what: string): void {
    this.outcomes.set(what, (this.outcomes.get(what) ?? 0) + 1);
  }

  /** Those that were put out come again. */
  again(): void {
    for (const index of this.#ended.splice(0)) this.#open(index);
  }
}

it.each(fuzzSeeds('turn-stream'))(
  `${INPUTS} valid and mutated messages over connections, STERNA_FUZZ_SEED=%i`,
  { timeout: fuzzTimeoutMs(INPUTS) },
  async (seed) => {
    const fuzz = new Streams(new Chance(seed));
    const { world, streams } = fuzz;
    await fuzz.begin();
    for (let i = 0; i < INPUTS; i++) {
      fuzz.step();
      if (i % 50 === 0) {
        world.engine.run();
        fuzz.again();
        world.engine.takeAll();
        if (streams.size > CLIENTS) throw new Error(`${streams.size} connections`);
        const { allocations } = world.server.stats();
        if (allocations > CLIENTS) throw new Error(`${allocations} allocations`);
      }
      // oxlint-disable-next-line eslint/no-await-in-loop -- a pause, now and then
      await breathe(i);
    }
    const reached = ['success', 'error', 'indication', 'channel', 'end'];
    expect(reached.filter((what) => (fuzz.outcomes.get(what) ?? 0) < INPUTS / 1000)).toEqual([]);
    expect(world.server.stats().drops['slow-reader']).toBeGreaterThan(0);
    expect(world.events.created.length).toBeGreaterThan(20);
    expect(world.events.created.filter(({ transport }) => transport !== 'tcp')).toEqual([]);
    await world.close();
    streams.close();
    expect([streams.size, world.events.created.length - world.events.deleted.length]).toEqual([
      0, 0,
    ]);
  },
);
