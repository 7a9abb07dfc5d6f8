// A running server takes other rules: every allocation stays, and what comes next is judged anew.
/* oxlint-disable vitest/no-standalone-expect -- onCore is a test */

import { describe, expect } from 'vitest';
import { mintRestCredential, type TurnRules } from '../../../turn/index.ts';
import { ALLOCATE, receivedBy, TurnClient, UDP } from '../../support/turn/client.ts';
import { type CoreWorld, WALL_START_MS } from '../../support/turn/core-world.ts';
import { onCore } from '../../support/turn/drivers.ts';
import { address, OTHER_PASSWORD, OTHER_USER, PASSWORD, USER } from '../../support/turn/world.ts';

function reconfigure({ server, options }: CoreWorld, changed: Partial<TurnRules>): void {
  const { users, secrets, peers, quotaPerUser, alternateServers, redirect, lifetimes } = options;
  const rules = { users, secrets, peers, quotaPerUser, alternateServers, redirect, lifetimes };
  server.reconfigure({ ...rules, ...changed });
}

const other = { username: OTHER_USER, password: OTHER_PASSWORD };

describe('users and secrets', () => {
  onCore(
    'who is gone is refused with the next request, and its relay works until then',
    async (world) => {
      const [gone, stays] = [await TurnClient.of(world), await TurnClient.of(world, other)];
      const { relayed } = await gone.allocate();
      await stays.allocate();
      const peer = await world.endpoint();
      await gone.bind(0x4001, peer.address);
      reconfigure(world, { users: { [OTHER_USER]: OTHER_PASSWORD, ann: 'new' } });
      gone.sendChannel(0x4001, Buffer.from('still'));
      expect(await receivedBy(peer)).toEqual([`${relayed.toString()} still`]);
      expect((await gone.refresh()).outcome).toContain('401');
      expect((await stays.refresh()).outcome).toBe('success');
      await (await TurnClient.of(world, { username: 'ann', password: 'new' })).allocate();
      expect(world.server.stats().allocations).toBe(3);
    },
  );

  onCore('another password counts at once, also where keys are cached', async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    reconfigure(world, { users: { [USER]: 'changed' } });
    expect((await client.refresh()).outcome).toContain('401');
    client.password = 'changed';
    expect((await client.refresh()).outcome).toBe('success');
    reconfigure(world, { users: { [USER]: PASSWORD } });
    expect((await client.refresh()).outcome).toContain('401');
  });

  onCore(
    'a secret comes and goes; nonces say what the server understands from then on',
    async (world) => {
      const before = await TurnClient.of(world);
      reconfigure(world, { secrets: ['a new secret'] });
      const expiresAt = WALL_START_MS / 1000 + 600;
      const { username, credential } = mintRestCredential('a new secret', 'ann', expiresAt);
      const ann = await TurnClient.of(world, { username, password: credential });
      await ann.allocate();
      // USERHASH is not offered beside secrets: a nonce that offers it is stale.
      const stale = await before.request(ALLOCATE, UDP);
      expect(stale.outcome).toContain('438');
      before.take(stale);
      await before.allocate();
      reconfigure(world, { secrets: [] });
      ann.take(await ann.request(ALLOCATE, UDP));
      expect((await ann.refresh()).outcome).toContain('401');
    },
  );

  onCore('what the constructor refuses changes nothing', async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    const bad: Partial<TurnRules>[] = [
      { users: { 'a\u0000b': 'x' }, quotaPerUser: 0 },
      { users: {}, peers: { allow: [], deny: ['8.8.8.0/33'] }, quotaPerUser: 0 },
    ];
    for (const changed of bad) expect(() => reconfigure(world, changed)).toThrow(TypeError);
    expect((await client.refresh()).outcome).toBe('success');
    await (await TurnClient.of(world)).allocate();
  });
});

describe('peers', () => {
  onCore(
    'that are denied now lose permission and channel at once, others keep theirs',
    async (world) => {
      const client = await TurnClient.of(world);
      const { relayed } = await client.allocate();
      const [denied, kept] = [world.endpointAt('127.0.0.5'), world.endpointAt('127.0.0.6')];
      await client.bind(0x4001, denied.address);
      await client.bind(0x4002, kept.address);
      reconfigure(world, { peers: { allow: ['127.0.0.0/8'], deny: ['127.0.0.5/32'] } });
      for (const number of [0x4001, 0x4002]) client.sendChannel(number, Buffer.from('x'));
      client.sendTo(denied.address, Buffer.from('y'));
      expect([await receivedBy(denied), await receivedBy(kept)]).toEqual([
        [],
        [`${relayed.toString()} x`],
      ]);
      denied.send(Buffer.from('in'), relayed);
      kept.send(Buffer.from('in'), relayed);
      expect(await client.relayedToMe()).toEqual(['channel 0x4002 in']);
      expect((await client.permit(denied.address)).outcome).toContain('403');
      const details = world.server.desk.describe(1, world.engine.now);
      expect(details?.channels.map(({ number }) => number)).toEqual([0x4002]);
      reconfigure(world, { peers: { allow: ['127.0.0.0/8'], deny: [] } });
      expect((await client.bind(0x4001, denied.address)).outcome).toBe('success');
    },
  );

  onCore(
    'on the address of our relays that are no longer allowed are reached as relays alone',
    async (world) => {
      const client = await TurnClient.of(world);
      const { relayed } = await client.allocate();
      const host = world.endpointAt('127.0.0.1');
      await client.permit(host.address);
      client.sendTo(host.address, Buffer.from('before'));
      expect(await receivedBy(host)).toEqual([`${relayed.toString()} before`]);
      reconfigure(world, { peers: { allow: [], deny: [] } });
      client.sendTo(host.address, Buffer.from('after'));
      expect(await receivedBy(host)).toEqual([]);
      reconfigure(world, { peers: { allow: ['127.0.0.0/8'], deny: [] } });
      client.sendTo(host.address, Buffer.from('again'));
      expect(await receivedBy(host)).toEqual([`${relayed.toString()} again`]);
    },
  );

  onCore('never are our listeners, whatever the lists say', async (world) => {
    reconfigure(world, { peers: { allow: ['127.0.0.0/8'], deny: [] } });
    const client = await TurnClient.of(world);
    await client.allocate();
    await client.permit(world.listener4);
    const before = world.server.stats().drops;
    client.sendTo(world.listener4, Buffer.from('x'));
    await world.settle();
    expect(world.server.stats().drops).not.toEqual(before);
  });
});

describe('numbers', () => {
  onCore('of quota and lifetimes are those of the next request', async (world) => {
    const [first, second] = [await TurnClient.of(world), await TurnClient.of(world)];
    await first.allocate();
    const lifetimes = { ...world.options.lifetimes, allocation: 60_000 };
    reconfigure(world, { quotaPerUser: 1, lifetimes });
    expect((await second.request(ALLOCATE, UDP)).outcome).toContain('486');
    expect((await first.refresh()).u32(0x000d)).toBe(60);
    reconfigure(world, { quotaPerUser: 2, lifetimes });
    expect((await second.allocate()).response.u32(0x000d)).toBe(60);
  });

  onCore('of nonces hold for those that are out', async (world) => {
    const client = await TurnClient.of(world);
    world.advance(20_000);
    reconfigure(world, { lifetimes: { ...world.options.lifetimes, nonce: 10_000 } });
    expect((await client.request(ALLOCATE, UDP)).outcome).toContain('438');
  });
});

describe('alternate servers', () => {
  onCore('come and go', async (world) => {
    const client = await TurnClient.of(world);
    const alternateServers = [address('192.0.2.7', 3478)];
    reconfigure(world, { alternateServers, redirect: 'always' });
    expect((await client.request(ALLOCATE, UDP)).outcome).toContain('300');
    reconfigure(world, { alternateServers, redirect: 'draining' });
    await client.allocate();
  });
});
