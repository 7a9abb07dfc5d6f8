// Several media workers behind one port: what must be right across them, on the real server. The kernel deals the
// clients out by their 5-tuples; the log says which worker made an allocation.

import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseCpuList } from '../../shared/config/cpu-list.ts';
import { Sterna } from '../support/e2e/sterna.ts';
import {
  describeRelayed,
  EVEN_PORT_RESERVE,
  MOBILITY,
  REFRESH,
  reservationToken,
  TurnClient,
  UDP,
  ALLOCATE,
  lifetime,
} from '../support/turn/client.ts';
import { show, ticketIn } from '../support/turn/mobile.ts';
import { type UdpEndpoint, udpEndpoint } from '../support/turn/udp-endpoint.ts';
import {
  address,
  OTHER_PASSWORD,
  OTHER_USER,
  PASSWORD,
  REALM,
  USER,
} from '../support/turn/world.ts';

const WORKERS = 3;
const PER_USER = 40;
/** Of one client; that none is dealt to another worker than the first has odds of (1/3)^20. */
const MOVES = 20;
/** Clients made before it counts as a fault that a worker got none: the odds are (2/3)^100. */
const CLIENTS_MAX = 100;

/** The first CPU that we may run on. */
const CPU = String(parseCpuList(allowedCpus('self'))[0]);

let sterna: Sterna;
const endpoints: UdpEndpoint[] = [];

beforeAll(async () => {
  sterna = await Sterna.start({
    config: {
      engine: 'linux',
      workers: WORKERS,
      workerCpus: CPU,
      turn: {
        realm: REALM,
        listeners: ['udp://127.0.0.1:0'],
        users: { [USER]: PASSWORD, [OTHER_USER]: OTHER_PASSWORD },
        relay: { addresses: ['127.0.0.1'] },
        peers: { allow: ['127.0.0.0/8'] },
        quota: { perUser: PER_USER, total: 10 * PER_USER },
        limits: { unauthorizedPerSecond: 0 },
      },
    },
  });
});

afterAll(async () => {
  for (const endpoint of endpoints) endpoint.close();
  await sterna.stop();
});

function allowedCpus(of: string): string {
  const status = readFileSync(`/proc/${of}/status`, 'latin1');
  return /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? '';
}

async function client(username = USER): Promise<TurnClient> {
  const endpoint = await udpEndpoint(4, () => sleep(30));
  endpoints.push(endpoint);
  const { host, port } = sterna.listener(4);
  const password = username === USER ? PASSWORD : OTHER_PASSWORD;
  const made = new TurnClient(endpoint, address(host, port), { username, password });
  await made.challenge();
  return made;
}

/** Which worker has the allocation of that client. */
async function workerOf(of: TurnClient): Promise<number> {
  const text = of.endpoint.address.toString();
  const [line] = await sterna.waitForEvents('allocation.created', 1, (e) => e['client'] === text);
  return Number(line?.['worker']);
}

interface Held {
  readonly client: TurnClient;
  readonly worker: number;
  readonly relayed: ReturnType<typeof address>;
}

/** An allocation on each worker. */
async function oneOnEach(username = USER): Promise<Held[]> {
  const held = new Map<number, Held>();
  for (let n = 0; n < CLIENTS_MAX && held.size < WORKERS; n++) {
    const made = await client(username);
    const { relayed } = await made.allocate();
    const worker = await workerOf(made);
    if (held.has(worker)) await giveUp(made);
    else held.set(worker, { client: made, worker, relayed });
  }
  const sorted = [...held.values()].toSorted((a, b) => a.worker - b.worker);
  expect(sorted.map(({ worker }) => worker)).toEqual([0, 1, 2]);
  return sorted;
}

async function giveUp(of: TurnClient): Promise<void> {
  const response = await of.request(REFRESH, lifetime(0));
  expect(response.outcome).toBe('success');
}

describe('three media workers', () => {
  it('run on the CPU that workerCpus names, and the main thread where it likes', () => {
    const { pid } = sterna;
    const lists = readdirSync(`/proc/${pid}/task`).map((thread) =>
      allowedCpus(`${pid}/task/${thread}`),
    );
    expect(lists.filter((list) => list === CPU).length).toBeGreaterThanOrEqual(WORKERS);
    expect(allowedCpus(`${pid}/task/${pid}`)).toBe(allowedCpus('self'));
  });

  it('share one port, and each has clients of it', async () => {
    const held = await oneOnEach();
    expect(new Set(held.map(({ relayed }) => relayed.port)).size).toBe(WORKERS);
    for (const { client: each } of held) await giveUp(each);
  });

  it('keep one quota and give no relay port twice', async () => {
    for (let round = 0; round < 2; round++) {
      const clients = await Promise.all(Array.from({ length: PER_USER + 24 }, () => client()));
      const answers = await Promise.all(clients.map((each) => each.request(ALLOCATE, UDP)));
      const outcomes = answers.map(({ outcome }) => outcome);
      expect(outcomes.filter((outcome) => outcome === 'success')).toHaveLength(PER_USER);
      expect(outcomes.filter((outcome) => outcome === '486')).toHaveLength(24);
      const ports = answers
        .filter(({ outcome }) => outcome === 'success')
        .map((answer) => answer.addresses(0x0016)[0]!.port);
      expect(new Set(ports).size).toBe(PER_USER);
      await Promise.all(
        clients.filter((_, i) => outcomes[i] === 'success').map((each) => giveUp(each)),
      );
    }
  });

  it('hand a reserved port to a client of another worker, once', async () => {
    const held = await oneOnEach();
    const [first, second, third] = held.map((each) => each.client);
    for (const each of [first!, second!, third!]) await giveUp(each);
    const { response, relayed } = await first!.allocate(EVEN_PORT_RESERVE);
    const token = reservationToken(response.value(0x0022));
    const taken = await second!.request(ALLOCATE, UDP, token);
    expect(taken.outcome).toBe('success');
    const next = taken.addresses(0x0016)[0]!;
    expect(next.port).toBe(relayed.port + 1);
    expect((await third!.request(ALLOCATE, UDP, token)).outcome).toBe('508');

    const peer = await udpEndpoint(4, () => sleep(30));
    endpoints.push(peer);
    await second!.bind(0x4000, peer.address);
    peer.send(Buffer.from('to the reserved port'), next);
    const { bytes } = await second!.endpoint.receive();
    expect(describeRelayed(bytes)).toBe('channel 0x4000 to the reserved port');
    second!.sendChannel(0x4000, Buffer.from('and back'));
    expect((await peer.receive()).from.toString()).toBe(next.toString());
    await giveUp(first!);
    await giveUp(second!);
  });

  it('relay between their clients in memory, each to each', async () => {
    const senders = await oneOnEach();
    const receivers = await oneOnEach(OTHER_USER);
    for (const sender of senders) {
      for (const receiver of receivers) {
        await sender.client.bind(0x4000 + receiver.worker, receiver.relayed);
        await receiver.client.bind(0x4100 + sender.worker, sender.relayed);
        const text = `${sender.worker} to ${receiver.worker}`;
        sender.client.sendChannel(0x4000 + receiver.worker, Buffer.from(text));
        const { bytes } = await receiver.client.endpoint.receive();
        expect(describeRelayed(bytes)).toBe(`channel 0x410${sender.worker} ${text}`);
        receiver.client.sendTo(sender.relayed, Buffer.from('back'));
        const back = await sender.client.endpoint.receive();
        expect(describeRelayed(back.bytes)).toBe(`channel 0x400${receiver.worker} back`);
      }
    }
    const metrics = await (await fetch(`${sterna.url}/metrics`)).text();
    const counts = [
      ...metrics.matchAll(/^sterna_turn_short_circuited_datagrams_total{.*} (\d+)/gm),
    ];
    expect(counts.map(([, count]) => Number(count))).toEqual([6, 6, 6]);
    for (const each of [...senders, ...receivers]) await giveUp(each.client);
  });

  it('keep the allocation of a client that moves, whichever of them hears of it', async () => {
    const peer = await udpEndpoint(4, () => sleep(30));
    endpoints.push(peer);
    const held = await oneOnEach();
    for (const each of held) await giveUp(each.client);
    let at = held[0]!.client;
    const { response, relayed } = await at.allocate(MOBILITY);
    await at.bind(0x4000, peer.address);
    let ticket = ticketIn(response);
    for (let move = 0; move < MOVES; move++) {
      const next = await client();
      const answer = await show(next, ticket);
      expect(answer.outcome).toBe('success');
      ticket = ticketIn(answer);
      next.sendChannel(0x4000, Buffer.from(`out ${move}`));
      const out = await peer.receive();
      expect(`${out.from.toString()} ${out.bytes.toString()}`).toBe(
        `${relayed.toString()} out ${move}`,
      );
      peer.send(Buffer.from(`in ${move}`), relayed);
      const { bytes } = await next.endpoint.receive();
      expect(describeRelayed(bytes)).toBe(`channel 0x4000 in ${move}`);
      at = next;
    }
    expect((await held[0]!.client.request(REFRESH)).outcome).toBe('437');
    await giveUp(at);
  });

  it('say nothing without the permission of the other side', async () => {
    const [a] = await oneOnEach();
    const others = await oneOnEach(OTHER_USER);
    for (const { client: other, relayed } of others) {
      await a!.client.permit(relayed);
      a!.client.sendTo(relayed, Buffer.from('unasked'));
      expect(await other.relayedToMe()).toEqual([]);
    }
  });
});
