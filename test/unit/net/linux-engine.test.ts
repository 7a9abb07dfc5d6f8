// What only the Linux engine does: batches, GRO and GSO, ICMP errors, DSCP, TTL; and that it gives everything back.
// The protocol itself runs on it in test/rfc, beside the other engines.

import { readdirSync } from 'node:fs';
import { MessageChannel } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { libc } from '../../../shared/native/libc.ts';
import { IP_TOS, IPV6_TCLASS, SOL_IP, SOL_IPV6 } from '../../../shared/native/socket-constants.ts';
import { LinuxEngine } from '../../../shared/net/linux-engine.ts';
import { probeLinux } from '../../../shared/net/linux-probe.ts';
import { SocketOpener } from '../../../shared/net/linux-socket.ts';
import { PacketInfo } from '../../../shared/net/packet-info.ts';
import { ReceiveRing } from '../../../shared/net/receive-ring.ts';
import { Timer } from '../../../shared/net/timer-wheel.ts';
import type { TransportAddress } from '../../../shared/net/transport-address.ts';
import { Wake } from '../../../shared/net/wake.ts';
import { LinuxWorld } from '../../support/net/linux-world.ts';
import { address as at } from '../../support/turn/world.ts';

const faults: unknown[] = [];
let world: LinuxWorld;

beforeEach(() => {
  faults.length = 0;
  world = new LinuxWorld();
});

afterEach(() => {
  world.close();
  if (faults.length > 0) throw faults[0];
});

describe('sending', () => {
  it.each(['127.0.0.1', '::1'])(
    'keeps order and bounds of datagrams that leave as one, to %s',
    async (host) => {
      const owner = world.owner();
      const { id } = owner.open(1, host);
      const { address, got } = await world.peer(host);
      const sent: string[] = [];
      const sizes = [1000, 1000, 1000, 400, 400, 1000, 1, 0, 7, 7, 7, 3, 1200, 1200];
      for (const [i, size] of sizes.entries()) {
        const text = String.fromCharCode(65 + i).repeat(size);
        sent.push(text);
        world.engine.send(id, address, Buffer.from(`..${text}..`, 'latin1'), 2, size);
      }
      await world.until(() => got.length === sent.length);
      expect(got).toEqual(sent);
      expect(world.engine.counters.sendDropped).toBe(0);
    },
  );

  it('puts a big-endian prefix before each datagram, also within one GSO send', async () => {
    const owner = world.owner();
    const { id } = owner.open(1);
    const { address, got } = await world.peer();
    for (let i = 0; i < 20; i++) {
      world.engine.sendPrefixed(id, address, 0x4000_0005 + i * 0x10000, Buffer.from('hello'), 0, 5);
    }
    await world.until(() => got.length === 20);
    expect(got[0]).toBe('\u0040\u0000\u0000\u0005hello');
    expect(got[19]).toBe('\u0040\u0013\u0000\u0005hello');
  });

  it('sends what was lent from a buffer that is reused at once', async () => {
    const owner = world.owner();
    const { id } = owner.open(1);
    const { address, got } = await world.peer();
    const buffer = Buffer.alloc(4);
    for (let i = 0; i < 300; i++) {
      buffer.writeUInt32BE(i);
      world.engine.send(id, address, buffer, 0, 4);
    }
    await world.until(() => got.length === 300);
    expect(got.map((text) => Buffer.from(text, 'latin1').readUInt32BE())).toEqual(
      Array.from({ length: 300 }, (_, i) => i),
    );
  });

  it('takes more than its tables hold in one turn, to many destinations', async () => {
    const owner = world.owner();
    const { id } = owner.open(1);
    const peers = await Promise.all(Array.from({ length: 20 }, () => world.peer()));
    for (let i = 0; i < 2000; i++)
      world.engine.send(id, peers[i % 20]!.address, Buffer.from(`${i}`), 0, `${i}`.length);
    await world.until(() => peers.reduce((sum, { got }) => sum + got.length, 0) === 2000);
    expect(peers[7]!.got.slice(0, 3)).toEqual(['7', '27', '47']);
  });

  it('drops and counts what no kernel takes: too long, port 0, a socket that is closed', async () => {
    const owner = world.owner();
    const { id } = owner.open(1);
    const { address, got } = await world.peer();
    world.engine.send(id, address, Buffer.alloc(65_536), 0, 65_536);
    world.engine.send(id, at('127.0.0.1', 0), Buffer.from('x'), 0, 1);
    world.engine.send(id, address, Buffer.from('y'), 0, 1);
    await world.until(() => got.length === 1);
    world.engine.close(id);
    world.engine.send(id, address, Buffer.from('z'), 0, 1);
    expect(got).toEqual(['y']);
    expect(world.engine.counters.sendDropped).toBe(3);
  });
});

describe('receiving', () => {
  it('hands out every datagram of a burst by itself, in order, with its sender', async () => {
    const owner = world.owner();
    const sender = owner.open(1);
    const receiver = owner.open(2);
    const texts = Array.from({ length: 200 }, (_, i) => `${i}`.padStart(i === 199 ? 3 : 500, '.'));
    for (const text of texts)
      world.engine.send(sender.id, receiver.local, Buffer.from(text), 0, text.length);
    await world.until(() => owner.received.length === 200);
    expect(owner.received.map(({ text }) => text)).toEqual(texts);
    expect(new Set(owner.received.map(({ from }) => from))).toEqual(
      new Set([sender.local.toString()]),
    );
    expect(owner.received.every(({ tag }) => tag === 2)).toBe(true);
  });

  it('takes the largest and the smallest datagram there is', async () => {
    const owner = world.owner();
    const { local } = owner.open(1);
    const { socket } = await world.peer();
    socket.send(Buffer.alloc(65_507, 'x'), local.port, local.host);
    socket.send(Buffer.alloc(0), local.port, local.host);
    await world.until(() => owner.received.length === 2);
    expect(owner.received.map(({ text }) => text.length)).toEqual([65_507, 0]);
  });

  it('relays from its own memory while more comes in', async () => {
    const owner = world.owner();
    const relay = owner.open(1);
    const { address, got } = await world.peer();
    owner.onReceived = ({ text }) =>
      world.engine.send(relay.id, address, Buffer.from(text, 'latin1'), 0, text.length);
    const { socket } = await world.peer();
    for (let i = 0; i < 500; i++) socket.send(`${i}`, relay.local.port, relay.local.host);
    await world.until(() => got.length === 500);
    expect(new Set(got).size).toBe(500);
  });

  it('hears of a port that nobody listens on', async () => {
    const owner = world.owner();
    const { id } = owner.open(1);
    const gone = await world.gone();
    world.engine.send(id, gone, Buffer.from('anybody?'), 0, 8);
    await world.until(() => owner.icmp.length > 0);
    // RFC 792: destination unreachable, port unreachable.
    expect(owner.icmp).toEqual([{ peer: gone.toString(), type: 3, code: 3 }]);
    const { address, got } = await world.peer();
    world.engine.send(id, address, Buffer.from('still here'), 0, 10);
    await world.until(() => got.length === 1);
  });
});

describe('what stands in the IP header', () => {
  it.each([
    ['127.0.0.1', SOL_IP, IP_TOS],
    ['::1', SOL_IPV6, IPV6_TCLASS],
  ])('goes along from %s: DSCP and ECN as they were, TTL one less', async (host, level, option) => {
    const opener = new SocketOpener(libc());
    const ring = new ReceiveRing(libc(), 4);
    const address = at(host);
    const target = opener.open(address, {});
    if ('failure' in target) throw new Error(target.failure);
    const owner = world.owner();
    const sender = owner.open(1, host);
    const relay = world.engine.open(at(host), owner, 2, { lowersTtl: true });
    world.turn();
    // RFC 2474: expedited forwarding; RFC 3168: ECT(0).
    expect(opener.set(sender.id, level, option, 0xba)).toBe(true);
    owner.onReceived = ({ text }) =>
      world.engine.send(relay, address, Buffer.from(text, 'latin1'), 0, text.length);
    const info = new PacketInfo();
    const next = async (): Promise<number[]> => {
      ring.reset();
      await world.until(() => {
        if (ring.count === 0) ring.receive(target.fd, 1);
        return ring.count === 1;
      });
      ring.info(0, info);
      ring.count = 0;
      return [info.tos, info.ttl];
    };
    world.engine.send(sender.id, owner.locals.get(2)!, Buffer.from('mark'), 0, 4);
    expect(await next()).toEqual([0xba, 63]);
    // What was not received from a socket has the system's, whatever went before it.
    opener.setTtl(sender.id, address.family, 5);
    world.engine.send(sender.id, owner.locals.get(2)!, Buffer.from('mark'), 0, 4);
    expect(await next()).toEqual([0xba, 4]);
    world.engine.send(relay, address, Buffer.from('mark'), 0, 4);
    expect(await next()).toEqual([0, 64]);
    libc().close(target.fd);
    ring.free();
    opener.free();
  });
});

describe('sockets', () => {
  it('answer what is wrong with an address', () => {
    const owner = world.owner();
    const { local } = owner.open(1);
    owner.open(2, '127.0.0.1', local.port);
    owner.open(3, '203.0.113.9');
    expect([...owner.failures]).toEqual([
      [2, 'in-use'],
      [3, 'unavailable'],
    ]);
  });

  it('share a port where they were opened so', () => {
    const owner = world.owner();
    const share = (tag: number, port: number): TransportAddress => {
      world.engine.open(at('127.0.0.1', port), owner, tag, { reusePort: true });
      world.turn();
      return owner.locals.get(tag)!;
    };
    const { port } = share(1, 0);
    expect(share(2, port).port).toBe(port);
    owner.open(3, '127.0.0.1', port);
    expect([...owner.failures]).toEqual([[3, 'in-use']]);
  });

  it('are given back, every descriptor of them', () => {
    const owner = world.owner();
    const before = readdirSync('/proc/self/fd').length;
    for (let round = 0; round < 20; round++) {
      const ids = Array.from({ length: 50 }, (_, i) =>
        world.engine.open(at('127.0.0.1'), owner, i),
      );
      world.turn();
      for (const id of ids) world.engine.close(id);
    }
    expect(readdirSync('/proc/self/fd').length).toBe(before);
    expect(world.engine.counters.sockets).toBe(0);
  });
});

describe('the loop', () => {
  it('serves commands, however many one wake announces, until it is told to stop', () => {
    const { port1, port2 } = new MessageChannel();
    const heard: string[] = [];
    const own = new Wake();
    const looping = new LinuxEngine(
      { now: () => performance.now(), onFault: (e) => faults.push(e) },
      own.fd,
    );
    const commands = [...Array.from({ length: 500 }, (_, i) => `${i}`), 'stop'];
    for (const text of commands) port1.postMessage(text);
    own.wake();
    // Where nothing more is heard, the loop ends all the same.
    looping.timers.schedule(new Timer(() => looping.stop()), performance.now() + 5000);
    looping.run(port2, (command: string) => {
      heard.push(command);
      if (command === 'stop') looping.stop();
    });
    port1.close();
    own.close();
    expect(heard).toEqual(commands);
  });

  it('runs timers without anything else to do, in time', () => {
    const { port1, port2 } = new MessageChannel();
    const own = new Wake();
    const looping = new LinuxEngine(
      { now: () => performance.now(), onFault: (e) => faults.push(e) },
      own.fd,
    );
    const early: number[] = [];
    let fired = 0;
    const timer = new Timer((now) => {
      if (now < due) early.push(due - now);
      if (++fired === 3) looping.stop();
      else looping.timers.schedule(timer, (due += 20));
    });
    let due = performance.now() + 20;
    looping.timers.schedule(timer, due);
    looping.run(port2, () => undefined);
    port1.close();
    own.close();
    expect({ fired, early }).toEqual({ fired: 3, early: [] });
  });
});

describe('the probe', () => {
  it('finds what this kernel has, and leaves nothing open', () => {
    const before = readdirSync('/proc/self/fd').length;
    const found = probeLinux();
    expect(Object.keys(found)).toEqual(['udpGro', 'udpSegment', 'ipRecvErr', 'ipPktInfo']);
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });
});
