// Users whom somebody outside knows: a request waits for what is said of its user, once, within bounds, and only after
// its nonce has shown that the client is where it says.
/* oxlint-disable vitest/no-standalone-expect -- onBoth and onCore are tests */

import { expect } from 'vitest';
import { ALLOCATE, TurnClient, UDP } from '../../support/turn/client.ts';
import { onBoth, onCore } from '../../support/turn/drivers.ts';
import { allDrops, type World } from '../../support/turn/world.ts';

const ANN = { username: 'ann', password: 'secret' };
const TTL_MS = 60_000;

/** What was asked since the last time. */
let asked: string[] = [];
const options = { askForUser: (username: string): void => void asked.push(username) };
const questions = (): string[] => asked.splice(0);

const answer = (world: World, found: Parameters<World['server']['userAnswer']>[1]): void =>
  world.server.userAnswer('ann', found, TTL_MS, world.options.clock.monotonic());

onBoth(
  'a request waits for its user, and is answered as soon as something is said of him',
  async (world) => {
    questions();
    const client = await TurnClient.of(world, ANN);
    const request = client.build(ALLOCATE, [UDP]);
    for (let i = 0; i < 3; i++) client.endpoint.send(request, client.server);
    await world.settle();
    expect(questions()).toEqual(['ann']);
    expect(await client.endpoint.rest()).toEqual([]);
    answer(world, { password: ANN.password });
    expect((await client.response(request)).messageClass).toBe('success');
    expect((await client.refresh(60)).messageClass).toBe('success');
    expect(questions()).toEqual([]);
    expect(await client.endpoint.rest()).toEqual([]);
  },
  options,
);

onBoth(
  'a wrong password, an unknown user and a source that is away: 401, 401, 500',
  async (world) => {
    questions();
    const outcomes: string[] = [];
    for (const found of [{ password: 'another' }, 'unknown', 'unavailable'] as const) {
      const client = await TurnClient.of(world, ANN);
      answer(world, found);
      outcomes.push((await client.request(ALLOCATE, UDP)).outcome);
    }
    expect(outcomes).toEqual(['401 unsigned', '401 unsigned', '500 unsigned']);
    expect(questions()).toEqual([]);
  },
  options,
);

onBoth(
  'nobody is asked for a static user, nor for a request whose nonce or realm is not ours',
  async (world) => {
    questions();
    const known = await TurnClient.of(world);
    await known.allocate();
    const client = await TurnClient.of(world, ANN);
    const { nonce } = client;
    client.nonce = Buffer.from(nonce).fill(0x41, nonce.length - 4);
    expect((await client.request(ALLOCATE, UDP)).outcome).toBe('438 unsigned');
    client.nonce = nonce;
    client.realm = 'elsewhere.example';
    expect((await client.request(ALLOCATE, UDP)).outcome).toBe('401 unsigned');
    expect(questions()).toEqual([]);
  },
  options,
);

onCore(
  'as many requests wait as may, for a name and in all; what comes on top is dropped and counted',
  async (world) => {
    questions();
    const send = async (username: string): Promise<void> => {
      const client = await TurnClient.of(world, { ...ANN, username });
      client.endpoint.send(client.build(ALLOCATE, [UDP]), client.server);
    };
    for (let i = 0; i < 20; i++) await send('ann');
    expect(await allDrops(world)).toEqual({ 'user-lookups': 4 });
    for (let i = 0; i < 1020; i++) await send(`user-${i}`);
    expect(await allDrops(world)).toEqual({ 'user-lookups': 4 + 12 });
    expect(questions()).toHaveLength(1 + 1008);
    // Nobody has answered for so long that they are forgotten, and the name is asked for again.
    world.advance(10_000);
    await send('ann');
    await world.settle();
    expect(questions()).toEqual(['ann']);
    expect(await allDrops(world)).toEqual({ 'user-lookups': 4 + 12 });
  },
  options,
);

onCore(
  'what was said is asked for again when its time is over, and a new password holds then',
  async (world) => {
    questions();
    answer(world, { password: 'old' });
    const client = await TurnClient.of(world, { ...ANN, password: 'old' });
    await client.allocate();
    world.advance(TTL_MS);
    const request = client.build(0x0004, []);
    client.endpoint.send(request, client.server);
    await world.settle();
    expect(questions()).toEqual(['ann']);
    answer(world, { password: 'new' });
    expect((await client.response(request)).outcome).toBe('401 unsigned');
    client.password = 'new';
    expect((await client.refresh(60)).messageClass).toBe('success');
  },
  options,
);

let known: { password: string; ttlMs: number } | undefined;
const withKnown = { ...options, knownUser: () => known };

onCore(
  'whom another worker has asked for nobody is asked for, and a password that has changed counts when its time is over',
  async (world) => {
    questions();
    known = { password: ANN.password, ttlMs: TTL_MS };
    await (await TurnClient.of(world, ANN)).allocate();
    known = { password: 'another', ttlMs: TTL_MS };
    await (await TurnClient.of(world, ANN)).allocate();
    world.advance(TTL_MS);
    await (await TurnClient.of(world, { ...ANN, password: 'another' })).allocate();
    const late = await TurnClient.of(world, ANN);
    expect((await late.request(ALLOCATE, UDP)).outcome).toBe('401 unsigned');
    expect(questions()).toEqual([]);
  },
  withKnown,
);
