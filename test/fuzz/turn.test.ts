// The TURN server as a whole under many messages, valid ones and mutations of them, from clients,
// strangers and peers: nothing throws, whoever cannot authenticate gets nothing, every answer is well
// formed, and all tables stay bounded.

import { expect, it } from 'vitest';
import { TransportAddress } from '../../shared/net/transport-address.ts';
import { breathe, fuzzRuns, fuzzSeeds, fuzzTimeoutMs } from '../support/fuzz.ts';
import {
  ALLOCATE,
  CHANNEL_BIND,
  channelNumber,
  CREATE_PERMISSION,
  data,
  lifetime,
  peer,
  REFRESH,
  SEND_INDICATION,
  TurnClient,
  UDP,
} from '../support/turn/client.ts';
import { CoreWorld } from '../support/turn/core-world.ts';
import type { Datagram } from '../support/turn/fake-engine.ts';
import { Chance, mutate } from '../support/turn/fuzz.ts';
import { inTurn, upTo } from '../support/turn/in-turn.ts';
import {
  type AttributeSource,
  channelData,
  fingerprinted,
  message,
  sign,
} from '../support/turn/message.ts';
import { ReceivedMessage } from '../support/turn/received.ts';
import { TokenClient, WITH_TOKENS } from '../support/turn/token-client.ts';
import { type Endpoint, OTHER_PASSWORD, OTHER_USER, turnOptions } from '../support/turn/world.ts';

const MESSAGES = fuzzRuns(200_000);
const CLIENTS = 12;
/** Two with passwords, and a kid. */
const USERS = 3;
const METHODS = [ALLOCATE, REFRESH, CREATE_PERMISSION, CHANNEL_BIND] as const;

/** Attributes a request may bring, with the length that each should have. */
const KNOWN: readonly (readonly [type: number, length: number])[] = [
  [0x0006, 4],
  [0x000c, 4],
  [0x000d, 4],
  [0x0012, 8],
  [0x0012, 20],
  [0x0013, 5],
  [0x0014, 11],
  [0x0015, 33],
  [0x0016, 8],
  [0x0017, 4],
  [0x0018, 1],
  [0x0019, 4],
  [0x001b, 64],
  [0x001d, 4],
  [0x001e, 32],
  [0x0020, 8],
  [0x0022, 8],
  [0x8000, 4],
  [0x8001, 4],
  [0x8002, 8],
  [0x8022, 9],
  [0x8030, 7],
  [0xfabc, 3],
];
const UNKNOWN = [0x0003, 0x001a, 0x0024, 0x002a, 0x7abc] as const;

const DENIED = new TransportAddress().setV4(0x0a000001, 5000);

class Fuzz {
  readonly world: CoreWorld;
  readonly chance: Chance;
  readonly clients: TurnClient[] = [];
  readonly strangers: Endpoint[];
  readonly peers: Endpoint[];
  /** Relayed addresses that were given to a client, live or not. */
  readonly relayed: TransportAddress[] = [];
  readonly outcomes = new Map<string, number>();
  #pool: Uint8Array[] = [];

  constructor(chance: Chance, sharedPorts = 0) {
    this.chance = chance;
    const { lifetimes } = turnOptions({});
    this.world = new CoreWorld({
      quota: { perUser: 5, total: 16 },
      ports: { first: 50_000, last: 50_031 },
      sharedPorts,
      random: (n) => chance.below(n),
      lifetimes: { ...lifetimes, nonce: 1e12 },
      ...WITH_TOKENS,
    });
    this.strangers = upTo(8).map((i) => this.world.endpointAt('198.51.100.66', 1000 + i));
    this.peers = upTo(6).map((i) => this.world.endpointAt(`127.0.0.${1 + (i >> 1)}`, 7000 + i));
  }

  async #begin(): Promise<void> {
    const flavours = ['legacy', 'md5', 'sha256'] as const;
    const clients = await inTurn(upTo(CLIENTS), (i): Promise<TurnClient> => {
      const options = {
        flavour: flavours[i % 3]!,
        fingerprint: i % 4 === 0,
        family: i % 5 === 4 ? 6 : 4,
      } as const;
      // The token outlives the run.
      if (i % 6 === 5) return TokenClient.with(this.world, { lifetime: 0xffff_ffff }, options);
      const other = { username: OTHER_USER, password: OTHER_PASSWORD };
      return TurnClient.of(this.world, { ...options, ...(i % 2 === 0 ? {} : other) });
    });
    this.clients.push(...clients);
    this.#pool = upTo(400).map(() => this.valid(this.chance.pick(this.clients)));
  }

  /** A request as a well-behaved client would send it, not always at a good moment. */
  valid(client: TurnClient): Uint8Array {
    const { chance } = this;
    const host = chance.below(8) === 0 ? DENIED : chance.pick(this.peers).address;
    const to = peer(host);
    const number = channelNumber(0x4000 + chance.below(4));
    const options: AttributeSource[] = [
      [0x0018, [chance.pick([0, 0x80])]],
      [0x0017, [chance.pick([1, 2]), 0, 0, 0]],
      [0x8000, [2, 0, 0, 0]],
      lifetime(chance.pick([0, 1, 700, 4000])),
    ];
    const method = chance.pick([...METHODS, ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION]);
    if (method === ALLOCATE) {
      return client.build(method, chance.below(2) === 0 ? [UDP] : [UDP, chance.pick(options)]);
    }
    if (method === REFRESH) {
      return client.build(method, chance.below(4) === 0 ? [lifetime(0)] : []);
    }
    return client.build(method, method === CHANNEL_BIND ? [number, to] : [to, to]);
  }

  /** A signed request with attributes of any type and length: past authentication, into the handlers. */
  odd(client: TurnClient): Uint8Array {
    const { chance } = this;
    const attributes = upTo(chance.below(6)).map((): AttributeSource => {
      const [type, length] = chance.pick(KNOWN);
      const value = chance.bytes(chance.below(4) === 0 ? chance.length() : length);
      // The first bytes decide: address family, protocol, channel, flags.
      const begin = chance.pick([[], [0, 1], [0, 2], [1, 0], [2, 0], [6], [0x40, 0], [0x4f, 0xff]]);
      value.set(begin.slice(0, value.length));
      return [chance.below(40) === 0 ? chance.pick(UNKNOWN) : type, value];
    });
    const first = chance.below(2) === 0 ? [UDP] : [];
    const credentials = client.credentials();
    const all =
      chance.below(4) === 0 ? [...attributes, ...credentials] : [...credentials, ...attributes];
    const unsigned = message(
      chance.pick(METHODS),
      chance.bytes(12),
      [...first, ...all],
      chance.below(256),
    );
    const signed = sign(unsigned, client.hash, client.key);
    return client.fingerprint ? fingerprinted(signed) : signed;
  }

  indication(): Uint8Array {
    const { chance } = this;
    const attributes = [peer(chance.pick(this.peers).address), data(chance.bytes(chance.length()))];
    return message(SEND_INDICATION, chance.bytes(12), attributes, chance.below(256));
  }

  channel(): Uint8Array {
    const { chance } = this;
    const bytes = chance.bytes(chance.length());
    const claimed = chance.pick([
      bytes.length,
      bytes.length,
      bytes.length - 1,
      chance.below(65_536),
    ]);
    return channelData(
      chance.pick([0x4000, 0x4001, 0x4002, chance.below(65_536)]),
      bytes,
      claimed & 0xffff,
    );
  }

  step(): void {
    const { chance, world } = this;
    const client = chance.pick(this.clients);
    const say = (bytes: Uint8Array): void => client.endpoint.send(bytes, client.server);
    const fromPool = (): Uint8Array =>
      mutate(chance.pick(this.#pool), chance, chance.pick(this.#pool));
    const what = chance.below(100);
    if (what < 10) say(this.valid(client));
    else if (what < 30) say(this.odd(client));
    else if (what < 50) say(fromPool());
    else if (what < 65) chance.pick(this.strangers).send(fromPool(), world.listener4);
    else if (what < 75) say(this.channel());
    else if (what < 82) say(this.indication());
    else if (what < 87) say(mutate(this.indication(), chance, this.channel()));
    else if (what < 97) this.#fromPeer();
    else if (what < 99) say(chance.bytes(chance.length()));
    else this.#disturb();
    if (chance.below(4) === 0) world.engine.run();
  }

  async run(messages: number, relaySocketsMax: number): Promise<void> {
    const { world } = this;
    await this.#begin();
    for (let i = 0; i < messages; i++) {
      this.step();
      // oxlint-disable-next-line eslint/no-await-in-loop -- seldom, and then it is the point
      await breathe(i);
      if (i % 50 !== 0) continue;
      this.inspect();
      const { allocations, reservations, users } = world.server.stats();
      if (allocations > CLIENTS || allocations + reservations > 16 || users > USERS) {
        throw new Error(`${allocations} allocations, ${reservations} reservations, ${users} users`);
      }
      const { sockets } = world.counters;
      if (sockets > 2 + relaySocketsMax) throw new Error(`${sockets} sockets`);
    }
  }

  #fromPeer(): void {
    const { chance } = this;
    if (this.relayed.length === 0) return;
    const bytes = chance.below(2) === 0 ? chance.bytes(chance.length()) : this.channel();
    chance.pick(this.peers).send(bytes, chance.pick(this.relayed));
  }

  #disturb(): void {
    const { chance, world } = this;
    const { engine } = world;
    world.advance(chance.pick([1, 999, 30_000, 300_000, 600_000]));
    if (chance.below(2) === 0) world.sweep();
    engine.holdOpens = chance.below(4) === 0;
    const failing = chance.below(4) === 0;
    engine.refuse = () => (failing && chance.below(2) === 0 ? 'in-use' : undefined);
  }

  /** Looks at what was sent to clients, strangers and peers; throws for anything malformed. */
  inspect(): void {
    this.world.engine.run();
    for (const datagram of this.world.engine.takeAll()) this.#inspectOne(datagram);
  }

  #inspectOne({ from, bytes }: Datagram): void {
    const fromListener = from.equals(this.world.listener4) || from.equals(this.world.listener6);
    if (!fromListener) return;
    if (bytes[0]! >= 0x40) {
      if (bytes.readUInt16BE(2) !== bytes.length - 4) throw new Error('ChannelData length');
      return;
    }
    const response = new ReceivedMessage(bytes);
    if (!response.paddingIsZero) throw new Error('padding');
    if (response.fingerprint === 'wrong') throw new Error('fingerprint');
    this.outcomes.set(response.outcome, (this.outcomes.get(response.outcome) ?? 0) + 1);
    if (response.messageClass === 'success') this.relayed.push(...response.addresses(0x0016));
    if (this.relayed.length > 64) this.relayed.splice(0, 32);
  }
}

it.each(fuzzSeeds('turn'))(
  `survives ${MESSAGES} valid and mutated messages, STERNA_FUZZ_SEED=%i`,
  { timeout: fuzzTimeoutMs(MESSAGES) },
  async (seed) => {
    const fuzz = new Fuzz(new Chance(seed));
    const { world } = fuzz;
    await fuzz.run(MESSAGES, 64);
    const owners = new Set(fuzz.clients.map(({ endpoint }) => endpoint.address.toString()));
    const { created, deleted } = world.events;
    const summary = [...fuzz.outcomes].map(([outcome, count]) => `${outcome}: ${count}`);
    process.stdout.write(`${summary.toSorted().join(', ')}; ${created.length} allocations\n`);
    expect(created.filter(({ client }) => !owners.has(client))).toEqual([]);
    expect(created.length).toBeGreaterThan(100);
    const codes = [400, 403, 420, 437, 440, 442, 443, 486, 508];
    expect(codes.filter((code) => !fuzz.outcomes.has(`${code}`))).toEqual([]);
    expect(fuzz.outcomes.has('401 unsigned') && fuzz.outcomes.has('438 unsigned')).toBe(true);
    await world.close();
    expect(deleted).toHaveLength(created.length);
    expect(world.server.stats()).toMatchObject({ allocations: 0, reservations: 0, users: 0 });
  },
);

/** A tenth as many: what is special here is little. */
const SHARING = Math.ceil(MESSAGES / 10);

it.each(fuzzSeeds('turn'))(
  `survives ${SHARING} of them where allocations share relay ports, STERNA_FUZZ_SEED=%i`,
  { timeout: fuzzTimeoutMs(SHARING) },
  async (seed) => {
    const fuzz = new Fuzz(new Chance(seed), 2);
    const { world } = fuzz;
    // Two of each family, and those that are on their way.
    await fuzz.run(SHARING, 4);
    const { drops } = world.server.stats();
    const { created, deleted } = world.events;
    const { 'ambiguous-peer': ambiguous, 'peer-taken': taken } = drops;
    process.stdout.write(`${created.length} allocations, ${ambiguous} ambiguous, ${taken} taken\n`);
    expect(Math.min(created.length, ambiguous ?? 0, taken ?? 0)).toBeGreaterThan(0);
    await world.close();
    expect(deleted).toHaveLength(created.length);
    expect(world.server.stats()).toMatchObject({ allocations: 0, reservations: 0, users: 0 });
  },
);
