import { isIP, isIPv4 } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TransportAddress } from '../../../shared/net/transport-address.ts';

const v4 = (word: number, port: number): TransportAddress =>
  new TransportAddress().setV4(word, port);
const word = fc.integer({ min: 0, max: 0xffffffff });
const port = fc.integer({ min: 0, max: 0xffff });

function parsed(host: string, at = 0): TransportAddress {
  const address = TransportAddress.parse(host, at);
  if (address === undefined) throw new Error(`${host} was refused`);
  return address;
}

describe('TransportAddress.parse', () => {
  it('reads IPv4', () => {
    const address = parsed('192.0.2.1', 32853);
    expect(address).toMatchObject({ family: 4, port: 32853, w0: 0xc0000201, w1: 0, w2: 0, w3: 0 });
  });

  it('reads IPv6', () => {
    const address = parsed('2001:db8:1234:5678:11:2233:4455:6677', 1);
    expect(address).toMatchObject({
      family: 6,
      port: 1,
      w0: 0x20010db8,
      w1: 0x12345678,
      w2: 0x00112233,
      w3: 0x44556677,
    });
  });

  it('reads an IPv4-mapped IPv6 address as IPv6', () => {
    expect(parsed('::ffff:192.0.2.1')).toMatchObject({ family: 6, w2: 0xffff, w3: 0xc0000201 });
  });

  it('drops a zone', () => {
    expect(parsed('fe80::1%eth0').equals(parsed('fe80::1'))).toBe(true);
  });

  it.each([
    '',
    'localhost',
    '192.0.2',
    '192.0.2.256',
    '192.0.2.1.1',
    '0xc0000201',
    '3221225985',
    '010.0.0.1',
    '::1::',
    '12345::',
    '[::1]',
    '192.0.2.1:80',
  ])('refuses %j', (host) => {
    expect(TransportAddress.parse(host)).toBeUndefined();
  });

  it.each([-1, 0x10000, 1.5, Number.NaN])('refuses the port %d', (at) => {
    expect(TransportAddress.parse('192.0.2.1', at)).toBeUndefined();
  });

  it('never throws, and agrees with node:net on what an address is', () => {
    const hosts = fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.ipV4Extended());
    const disagreement = fc.sample(hosts, 2000).find((host) => {
      const family = TransportAddress.parse(host)?.family ?? 0;
      return family !== isIP(host);
    });
    expect(disagreement).toBeUndefined();
  });
});

describe('TransportAddress.host', () => {
  it('is dotted for IPv4 and RFC 5952 for IPv6', () => {
    expect(v4(0xc0000201, 3478).toString()).toBe('192.0.2.1:3478');
    expect(parsed('2001:0DB8:0:0:0:0:0:1', 3478).toString()).toBe('[2001:db8::1]:3478');
    expect(parsed('2001:db8:0:1:0:0:0:1').host).toBe('2001:db8:0:1::1');
    expect(parsed('::').host).toBe('::');
  });

  it('survives the way through text, both families', () => {
    fc.assert(
      fc.property(word, port, (w, p) => {
        const address = v4(w, p);
        expect(isIPv4(address.host)).toBe(true);
        expect(parsed(address.host, p).equals(address)).toBe(true);
      }),
    );
    fc.assert(
      fc.property(word, word, word, word, port, (a, b, c, d, p) => {
        const address = new TransportAddress().setV6(a, b, c, d, p);
        expect(parsed(address.host, p).equals(address)).toBe(true);
      }),
    );
  });

  it('follows every change of the address', () => {
    const address = v4(0x01020304, 1);
    expect(address.host).toBe('1.2.3.4');
    expect(address.setV4(0x05060708, 1).host).toBe('5.6.7.8');
    expect(address.setV6(0, 0, 0, 1, 1).host).toBe('::1');
    expect(address.set(v4(0x090a0b0c, 1)).host).toBe('9.10.11.12');
  });
});

describe('TransportAddress comparison', () => {
  it('tells hosts, ports and families apart', () => {
    const address = v4(0xc0000201, 80);
    expect(address.equals(v4(0xc0000201, 80))).toBe(true);
    expect(address.equals(v4(0xc0000201, 81))).toBe(false);
    expect(address.sameHost(v4(0xc0000201, 81))).toBe(true);
    expect(address.sameHost(v4(0xc0000202, 80))).toBe(false);
    expect(address.sameHost(new TransportAddress().setV6(0xc0000201, 0, 0, 0, 80))).toBe(false);
  });

  it.each([0, 1, 2, 3])('sees word %d of an IPv6 address', (index) => {
    const words: [number, number, number, number] = [1, 2, 3, 4];
    const address = new TransportAddress().setV6(...words, 80);
    words[index] = 9;
    const other = new TransportAddress().setV6(...words, 80);
    expect(address.equals(other)).toBe(false);
    expect(address.hashHost()).not.toBe(other.hashHost());
  });

  it('forgets the IPv6 words when it becomes IPv4', () => {
    const address = new TransportAddress().setV6(1, 2, 3, 4, 80).setV4(0xc0000201, 80);
    expect(address.equals(v4(0xc0000201, 80))).toBe(true);
    expect(address.hash()).toBe(v4(0xc0000201, 80).hash());
  });

  it('keeps a copy apart from the original', () => {
    const address = v4(0xc0000201, 80);
    const copy = address.copy();
    address.setV4(0xc0000202, 81);
    expect(copy.toString()).toBe('192.0.2.1:80');
  });
});

describe('TransportAddress hashes', () => {
  it('are unsigned 31-bit integers, which are not boxed, equal for equal addresses', () => {
    fc.assert(
      fc.property(word, word, word, word, port, (a, b, c, d, p) => {
        const one = new TransportAddress().setV6(a, b, c, d, p);
        for (const hash of [one.hash(), one.hashHost(), v4(a, p).hash(), v4(a, p).hashHost()]) {
          expect(Number.isInteger(hash) && hash >= 0 && hash <= 0x7fffffff).toBe(true);
        }
        expect(one.copy().hash()).toBe(one.hash());
        expect(one.copy().hashHost()).toBe(one.hashHost());
      }),
    );
  });

  it('spread neighbouring ports and neighbouring hosts over the low bits', () => {
    const ports = new Set<number>();
    const hosts = new Set<number>();
    for (let i = 0; i < 4096; i++) {
      ports.add(v4(0xc0000201, 40_000 + i).hash() & 0xffff);
      hosts.add(v4(0x0a000000 + i, 3478).hashHost() & 0xffff);
    }
    // 4096 throws into 65536 cells hit 3970 different ones on average.
    expect(ports.size).toBeGreaterThan(3800);
    expect(hosts.size).toBeGreaterThan(3800);
  });
});

describe('TransportAddress.writeHost', () => {
  it('writes network order and touches nothing else', () => {
    const bytes = new Uint8Array(22).fill(0xee);
    expect(v4(0xc0000201, 80).writeHost(bytes, 1)).toBe(4);
    expect([...bytes.subarray(0, 7)]).toEqual([0xee, 192, 0, 2, 1, 0xee, 0xee]);
    expect(parsed('2001:db8:1234:5678:11:2233:4455:6677').writeHost(bytes, 3)).toBe(16);
    expect(Buffer.from(bytes.subarray(3, 19)).toString('hex')).toBe(
      '20010db8123456780011223344556677',
    );
    expect(bytes[2]).toBe(0);
    expect(bytes[19]).toBe(0xee);
  });
});
