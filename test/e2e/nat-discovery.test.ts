// Debian coturn's probes of RFC 5780 against our server on 127.0.0.1 and 127.0.0.2, as two workers of the Linux engine
// and as the portable one: what they find out of a network without a NAT.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Child } from '../support/e2e/child.ts';
import { Sterna } from '../support/e2e/sterna.ts';
import { freePorts } from '../support/free-ports.ts';

const HOSTS = ['127.0.0.1', '127.0.0.2'] as const;

async function run(program: string, ...args: string[]): Promise<string> {
  const child = new Child(program, args);
  expect(await child.exited, child.output).toBe(0);
  return child.output;
}

/** `Response origin` and `Other addr` of each answer in turn. */
function answersIn(output: string): { origin: string; other: string }[] {
  const pattern = /Response origin: : (\S+)\n.*Other addr: : (\S+)/g;
  return [...output.matchAll(pattern)].map(([, origin = '', other = '']) => ({ origin, other }));
}

describe.each([
  ['linux', 2],
  ['portable', 1],
] as const)('engine: %s', (engine, workers) => {
  let sterna: Sterna;
  let ports: [number, number];
  const at = (host: 0 | 1, port: 0 | 1): string => `${HOSTS[host]}:${ports[port]}`;

  beforeAll(async () => {
    const first = await freePorts(HOSTS, 2);
    ports = [first, first + 1];
    const turn = {
      listeners: [`udp://${at(0, 0)}`, 'udp://[::1]:0'],
      natDiscovery: `udp://${at(1, 1)}`,
      secrets: ['shared-secret'],
      limits: { unauthorizedPerSecond: 0 },
    };
    sterna = await Sterna.start({ config: { engine, workers, turn } });
  });

  afterAll(async () => {
    await sterna?.stop();
  });

  test('turnutils_stunclient -f finds the other address, and is answered from there', async () => {
    const output = await run('turnutils_stunclient', '-f', '-p', `${ports[0]}`, HOSTS[0]);
    expect(answersIn(output)).toEqual([
      { origin: at(0, 0), other: at(1, 1) },
      { origin: at(1, 1), other: at(1, 1) },
      { origin: at(1, 1), other: at(1, 1) },
    ]);
  });

  test.each([
    ['plain', []],
    ['padded', ['-P']],
  ])(
    'turnutils_natdiscovery finds endpoint-independent mapping and filtering, %s',
    async (_, more) => {
      const args = ['-m', '-f', ...more, '-p', `${ports[0]}`, HOSTS[0]];
      const output = await run('turnutils_natdiscovery', ...args);
      expect(output).toContain('NAT with Endpoint Independent Mapping!');
      expect(output).toContain('NAT with Endpoint Independent Filtering!');
      expect(answersIn(output)).toEqual([
        { origin: at(0, 0), other: at(1, 1) },
        { origin: at(1, 0), other: at(0, 1) },
        { origin: at(0, 0), other: at(1, 1) },
        { origin: at(1, 1), other: at(1, 1) },
      ]);
    },
  );

  test('turnutils_natdiscovery gets the answer to another port (-t)', async () => {
    const args = ['-t', '-T', '1', '-p', `${ports[0]}`, HOSTS[0]];
    const output = await run('turnutils_natdiscovery', ...args);
    const mapped = [...output.matchAll(/UDP reflexive addr: 127\.0\.0\.1:(\d+)/g)];
    expect(new Set(mapped.map(([, port]) => port)).size).toBe(2);
    expect(answersIn(output)).toHaveLength(2);
  });

  test('turnutils_natdiscovery finds hairpinning (-H)', async () => {
    const output = await run('turnutils_natdiscovery', '-H', '-p', `${ports[0]}`, HOSTS[0]);
    expect(output).toContain('Received a request (maybe a successful hairpinning)');
  });

  test('turnutils_natdiscovery finds no collision of two addresses (-c)', async () => {
    const args = ['-c', '-L', HOSTS[0], '-A', '127.0.0.3', '-p', `${ports[0]}`, HOSTS[0]];
    const output = await run('turnutils_natdiscovery', ...args);
    const mapped = [...output.matchAll(/UDP reflexive addr: (\S+):(\d+)/g)];
    expect(mapped.map(([, host]) => host)).toEqual([HOSTS[0], '127.0.0.3']);
    expect(mapped[0]![2]).toBe(mapped[1]![2]);
  });

  test('participants and the log are told of the configured listeners alone', () => {
    expect(sterna.listener(4)).toMatchObject({ host: HOSTS[0], port: ports[0] });
    expect(sterna.listeners).toHaveLength(2);
  });
});
