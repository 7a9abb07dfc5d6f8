// RFC 8489 s14.2 and RFC 8656 s3.1 on a host with both families: a client is told its address in its own family, and no
// IPv4 address in the clothes of IPv6, whichever wildcard it came to, one for both families or not.

import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../shared/clock.ts';
import { LinuxEngine } from '../../shared/net/linux-engine.ts';
import { PortableEngine } from '../../shared/net/portable-engine.ts';
import { Wake } from '../../shared/net/wake.ts';
import { type ListenResult, TurnServer } from '../../turn/index.ts';
import { pump } from '../support/net/pump.ts';
import { BINDING, TurnClient } from '../support/turn/client.ts';
import { message } from '../support/turn/message.ts';
import { freePort } from '../support/free-ports.ts';
import { type UdpEndpoint, udpEndpoint } from '../support/turn/udp-endpoint.ts';
import { address, RecordedEvents, turnOptions } from '../support/turn/world.ts';

const XOR_MAPPED = 0x0020;

/** A server at wildcards of one port, and what ends it. */
async function serve(kind: 'portable' | 'linux', hosts: readonly string[], dualStack = false) {
  const faults: unknown[] = [];
  const options = {
    now: () => systemClock.monotonic(),
    onFault: (error: unknown) => faults.push(error),
  };
  const wake = kind === 'linux' ? new Wake() : undefined;
  const engine =
    wake === undefined ? new PortableEngine(options) : new LinuxEngine(options, wake.fd);
  const stop = wake && engine instanceof LinuxEngine ? pump(engine, wake) : undefined;
  const events = new RecordedEvents();
  const server = new TurnServer(turnOptions({}), engine, events);
  const port = await freePort(['0.0.0.0']);
  const results = await new Promise<readonly ListenResult[]>((resolve) =>
    server.listen(
      hosts.map((host) => ({ address: address(host, port), dualStack })),
      resolve,
    ),
  );
  expect(results.map(({ failure }) => failure)).toEqual(hosts.map(() => undefined));
  return {
    port,
    events,
    counters: engine.counters,
    close: () => {
      server.close();
      stop?.();
      expect(faults).toEqual([]);
    },
  };
}

const endpoint = (family: 4 | 6): Promise<UdpEndpoint> =>
  udpEndpoint(family, () => Promise.resolve());

/** What a client of that family is told to be, and is. */
async function mappedOf(host: string, port: number): Promise<{ told: string; is: string }> {
  const own = await endpoint(host.includes(':') ? 6 : 4);
  try {
    const client = new TurnClient(own, address(host, port));
    const response = await client.exchange(message(BINDING, randomBytes(12)));
    return { told: response.address(XOR_MAPPED).toString(), is: own.address.toString() };
  } finally {
    own.close();
  }
}

const KINDS =
  process.platform === 'linux' ? (['portable', 'linux'] as const) : (['portable'] as const);

describe.each(KINDS)('engine: %s', (kind) => {
  it('RFC 8489 s14.2: both wildcards at one port tell each client its address in its own family', async () => {
    const { port, close } = await serve(kind, ['0.0.0.0', '::']);
    try {
      const [v4, v6] = [await mappedOf('127.0.0.1', port), await mappedOf('::1', port)];
      expect(v4.told).toBe(v4.is);
      expect(v4.told).toMatch(/^127\.0\.0\.1:/);
      expect(v6.told).toBe(v6.is);
    } finally {
      close();
    }
  });

  it('RFC 8489 s14.2: a wildcard for both families tells each client its address in its own family', async () => {
    const { port, close } = await serve(kind, ['::'], true);
    try {
      const [v4, v6] = [await mappedOf('127.0.0.1', port), await mappedOf('::1', port)];
      expect(v4.told).toBe(v4.is);
      expect(v4.told).toMatch(/^127\.0\.0\.1:/);
      expect(v6.told).toBe(v6.is);
    } finally {
      close();
    }
  });

  it.each([
    ['127.0.0.1', 4],
    ['::1', 6],
  ] as const)(
    'RFC 8656 s7.2: through a wildcard for both families %s gets an IPv4 relay, and data both ways',
    async (host, family) => {
      const { port, events, close } = await serve(kind, ['::'], true);
      const [own, peer] = [await endpoint(family), await endpoint(4)];
      try {
        const client = new TurnClient(own, address(host, port));
        await client.challenge();
        const { relayed, response } = await client.allocate();
        expect(relayed.family).toBe(4);
        expect(response.address(XOR_MAPPED).toString()).toBe(own.address.toString());
        expect(events.created.map((event) => event.client)).toEqual([own.address.toString()]);
        expect((await client.bind(0x4000, peer.address)).outcome).toBe('success');
        client.sendChannel(0x4000, Buffer.from('there'));
        const { from, bytes } = await peer.receive();
        expect([from.toString(), bytes.toString()]).toEqual([relayed.toString(), 'there']);
        peer.send(Buffer.from('back'), relayed);
        const answer = await own.receive();
        expect(answer.from.toString()).toBe(address(host, port).toString());
        expect(answer.bytes.subarray(4).toString()).toBe('back');
      } finally {
        own.close();
        peer.close();
        close();
      }
    },
  );

  it('RFC 8489 s14.2: an IPv6 wildcard for IPv6 alone leaves IPv4 to others', async () => {
    const { port, counters, close } = await serve(kind, ['::']);
    const stranger = createSocket('udp4');
    stranger.connect(port, '127.0.0.1');
    try {
      await once(stranger, 'connect');
      // The kernel says itself that nobody is there: the socket would be, were it one for both families.
      const refused = once(stranger, 'error');
      stranger.on('message', () => stranger.emit('error', new Error('answered')));
      stranger.send(message(BINDING, randomBytes(12)));
      await expect(refused).resolves.toMatchObject([{ code: 'ECONNREFUSED' }]);
      const v6 = await mappedOf('::1', port);
      expect(v6.told).toBe(v6.is);
      expect(counters.received).toBe(1);
    } finally {
      stranger.close();
      close();
    }
  });
});
