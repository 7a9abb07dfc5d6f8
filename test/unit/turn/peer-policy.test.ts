// The peer policy: every default denial at its edges, lists and their order, IPv4 addresses inside IPv6 ones.

import * as fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import {
  DENIED_BY_DEFAULT,
  PeerPolicy,
  type PeerPolicyOptions,
  type PeerVerdict,
} from '../../../turn/peer-policy.ts';
import { address } from '../../support/turn/world.ts';

function policy(options: Partial<PeerPolicyOptions> = {}): PeerPolicy {
  return new PeerPolicy({ allow: [], deny: [], relays: [], own: [], ...options });
}

function judge(hosts: readonly string[], options: Partial<PeerPolicyOptions> = {}): PeerVerdict[] {
  const under = policy(options);
  return hosts.map((host) => under.judge(address(host, 5000)));
}

/** Range, its last address, and its neighbours where those are ordinary peers. */
const RANGES: [
  range: string,
  first: string,
  last: string,
  before: string | undefined,
  after: string | undefined,
][] = [
  ['0.0.0.0/8', '0.0.0.0', '0.255.255.255', undefined, '1.0.0.0'],
  ['10.0.0.0/8', '10.0.0.0', '10.255.255.255', '9.255.255.255', '11.0.0.0'],
  ['100.64.0.0/10', '100.64.0.0', '100.127.255.255', '100.63.255.255', '100.128.0.0'],
  ['127.0.0.0/8', '127.0.0.0', '127.255.255.255', '126.255.255.255', '128.0.0.0'],
  ['168.63.129.16', '168.63.129.16', '168.63.129.16', '168.63.129.15', '168.63.129.17'],
  ['169.254.0.0/16', '169.254.0.0', '169.254.255.255', '169.253.255.255', '169.255.0.0'],
  ['172.16.0.0/12', '172.16.0.0', '172.31.255.255', '172.15.255.255', '172.32.0.0'],
  ['192.0.0.0/24', '192.0.0.0', '192.0.0.255', '191.255.255.255', '192.0.1.0'],
  ['192.0.2.0/24', '192.0.2.0', '192.0.2.255', '192.0.1.255', '192.0.3.0'],
  ['192.88.99.0/24', '192.88.99.0', '192.88.99.255', '192.88.98.255', '192.88.100.0'],
  ['192.168.0.0/16', '192.168.0.0', '192.168.255.255', '192.167.255.255', '192.169.0.0'],
  ['198.18.0.0/15', '198.18.0.0', '198.19.255.255', '198.17.255.255', '198.20.0.0'],
  ['198.51.100.0/24', '198.51.100.0', '198.51.100.255', '198.51.99.255', '198.51.101.0'],
  ['203.0.113.0/24', '203.0.113.0', '203.0.113.255', '203.0.112.255', '203.0.114.0'],
  ['224.0.0.0/4', '224.0.0.0', '239.255.255.255', '223.255.255.255', undefined],
  ['240.0.0.0/4', '240.0.0.0', '255.255.255.255', undefined, undefined],
  ['::/96', '::', '::ffff:ffff', undefined, undefined],
  ['::ffff:0:0/96', '::ffff:0:0', '::ffff:ffff:ffff', undefined, undefined],
  ['64:ff9b::/96', '64:ff9b::', '64:ff9b::ffff:ffff', undefined, '64:ff9b::1:0:0'],
  ['64:ff9b:1::/48', '64:ff9b:1::', '64:ff9b:1:ffff:ffff:ffff:ffff:ffff', undefined, '64:ff9b:2::'],
  ['100::/64', '100::', '100::ffff:ffff:ffff:ffff', 'ff::1', '100:0:0:1::'],
  ['2001::/23', '2001::', '2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff', '2000:ffff::1', '2001:200::'],
  ['2001:db8::/32', '2001:db8::', '2001:db8:ffff::ffff', '2001:db7:ffff::1', '2001:db9::'],
  ['2002::/16', '2002::', '2002:ffff::ffff', '2001:ffff::1', '2003::'],
  ['3fff::/20', '3fff::', '3fff:fff:ffff::1', '3ffe:ffff::1', '3fff:1000::'],
  ['5f00::/16', '5f00::', '5f00:ffff::1', '5eff:ffff::1', '5f01::'],
  ['fc00::/7', 'fc00::', 'fdff:ffff:ffff::1', 'fbff:ffff::1', 'fe00::'],
  ['fe80::/10', 'fe80::', 'febf:ffff::1', 'fe7f:ffff::1', undefined],
  ['fec0::/10', 'fec0::', 'feff:ffff::1', undefined, undefined],
  ['ff00::/8', 'ff00::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', undefined, undefined],
];

describe('default denials', () => {
  it.each(RANGES)(
    '%s is denied from %s to %s, and its neighbours are not',
    (_, first, last, before, after) => {
      expect(judge([first, last])).toEqual(['denied', 'denied']);
      const neighbours = [before, after].filter((host) => host !== undefined);
      expect(judge(neighbours)).toEqual(neighbours.map(() => 'allowed'));
    },
  );

  it('agree with another reading of the same ranges on any address', () => {
    const ranges = DENIED_BY_DEFAULT.map((range) => ipaddr.parseCIDR(range));
    const word = fc.oneof(
      fc.integer({ min: 0, max: 0xffffffff }),
      fc.constantFrom(0, 1, 0xffff, 0xffff0000, 0x64ff9b, 0x20010000, 0x20010db8, 0xfe800000),
    );
    const under = policy();
    const peers = fc.oneof(
      word.map((w0) => new TransportAddress().setV4(w0, 1)),
      fc.tuple(word, word, word, word).map((w) => new TransportAddress().setV6(...w, 1)),
    );
    fc.assert(
      fc.property(peers, (peer) => {
        const parsed = ipaddr.parse(peer.host);
        const within = ranges.some(
          ([net, bits]) => net.kind() === parsed.kind() && parsed.match(net, bits),
        );
        const isatap = peer.family === 6 && (peer.w2 & 0xfdffffff) === 0x5efe;
        expect(under.judge(peer)).toBe(within || isatap ? 'denied' : 'allowed');
      }),
      { numRuns: 3000 },
    );
  });
});

describe('lists', () => {
  it('deny is stronger than allow, allow is stronger than the defaults', () => {
    const lists = { allow: ['10.0.0.0/8', '8.8.8.0/24'], deny: ['10.1.0.0/16', '8.8.8.8'] };
    expect(judge(['10.0.0.1', '10.1.0.1', '8.8.8.8', '8.8.8.7', '11.0.0.1'], lists)).toEqual([
      'allowed',
      'denied',
      'denied',
      'allowed',
      'allowed',
    ]);
  });

  it('an IPv6 range denies what lies inside it, whatever its later bytes, and nothing else', () => {
    const lists = { deny: ['2a00:0:0:ff::/64', '2a01::/31'] };
    const inside = ['2a00:0:0:ff::', '2a00:0:0:ff:1::', '2a01:1::5', '2a00:ffff::1', '2a01:2::1'];
    expect(judge(inside, lists)).toEqual(['denied', 'denied', 'denied', 'allowed', 'allowed']);
    expect(judge(['2a00:0:0:fe::', '2a00:0:0:100::'], lists)).toEqual(['allowed', 'allowed']);
  });

  it.each([0, 1, 7, 8, 9, 31, 32, 33, 63, 64, 65, 95, 96, 97, 127, 128])(
    'a prefix of %i bits holds exactly these bits of IPv6',
    (bits) => {
      const base = '2a5a:5a5a:5a5a:5a5a:5a5a:5a5a:5a5a:5a5a';
      const under = policy({ deny: [`${base}/${bits}`] });
      const words = [0x2a5a5a5a, 0x5a5a5a5a, 0x5a5a5a5a, 0x5a5a5a5a] as const;
      for (let bit = 0; bit < 128; bit++) {
        const w = [...words] as [number, number, number, number];
        w[bit >> 5]! ^= 1 << (31 - (bit & 31));
        // Flipping a high bit can lead into a default denial; those are none of this test's concern.
        const peer = new TransportAddress().setV6(...w, 1);
        if (policy().judge(peer) === 'denied') continue;
        expect([bit, under.judge(peer)]).toEqual([bit, bit < bits ? 'allowed' : 'denied']);
      }
    },
  );

  it.each([0, 1, 8, 31, 32])('a prefix of %i bits holds exactly these bits of IPv4', (bits) => {
    const under = policy({ deny: [`90.90.90.90/${bits}`] });
    for (let bit = 0; bit < 32; bit++) {
      const peer = new TransportAddress().setV4(0x5a5a5a5a ^ (1 << (31 - bit)), 1);
      if (policy().judge(peer) === 'denied') continue;
      expect([bit, under.judge(peer)]).toEqual([bit, bit < bits ? 'allowed' : 'denied']);
    }
  });

  it('a single address is its own range', () => {
    expect(
      judge(['9.9.9.9', '9.9.9.8', '2a00::1', '2a00::2'], { deny: ['9.9.9.9', '2a00::1'] }),
    ).toEqual(['denied', 'allowed', 'denied', 'allowed']);
  });

  it.each([
    '',
    'x',
    '10.0.0.0/33',
    '10.0.0/8',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '::/129',
    '1.2.3.4/8/8',
    '10.0.0.0/8 ',
  ])('refuses %j as a range, naming it', (entry) => {
    expect(() => policy({ allow: [entry] })).toThrow(JSON.stringify(entry));
    expect(() => policy({ deny: [entry] })).toThrow(TypeError);
  });

  it('a range of one family says nothing about the other', () => {
    expect(judge(['2a00::1', '8.8.8.8'], { deny: ['0.0.0.0/0'] })).toEqual(['allowed', 'denied']);
    expect(judge(['2a00::1', '8.8.8.8'], { deny: ['::/0'] })).toEqual(['denied', 'allowed']);
  });
});

const forms = (v4: string): string[] => {
  const { w0 } = address(v4);
  const hex = `${(w0 >>> 16).toString(16)}:${(w0 & 0xffff).toString(16)}`;
  return [`::${hex}`, `::ffff:${hex}`, `::ffff:0:${hex}`, `64:ff9b::${hex}`, `64:ff9b:1::${hex}`];
};

describe('IPv4 addresses inside IPv6 ones', () => {
  it('are denied in every form by default', () => {
    expect(new Set(judge([...forms('127.0.0.1'), ...forms('8.8.8.8')]))).toEqual(
      new Set(['denied']),
    );
  });

  it('open no more than the IPv4 address does where all IPv6 is allowed', () => {
    const allow = ['::/0'];
    const inner = ['127.0.0.1', '10.0.0.1', '169.254.169.254', '0.0.0.2', '224.0.0.1'];
    expect(new Set(judge(inner.flatMap(forms), { allow }))).toEqual(new Set(['denied']));
    expect(new Set(judge(forms('8.8.8.8'), { allow }))).toEqual(new Set(['allowed']));
    expect(new Set(judge(forms('8.8.8.8'), { allow, deny: ['8.8.8.8'] }))).toEqual(
      new Set(['denied']),
    );
  });

  it('do not stand for a relay of ours', () => {
    const relays = [address('9.9.9.9')];
    expect(new Set(judge(forms('9.9.9.9'), { allow: ['::/0'], relays }))).toEqual(
      new Set(['denied']),
    );
  });

  it('are denied in tunnels, whatever is allowed', () => {
    const tunnels = [
      '2002:808:808::1',
      '2001:0:1:2:3:4:f7f7:f7f7',
      '2a00::5efe:808:808',
      '2a00::200:5efe:8.8.8.8',
    ];
    expect(judge(tunnels, { allow: ['::/0', ...tunnels] })).toEqual(Array(4).fill('denied'));
    expect(judge(['2a00::300:5efe:8.8.8.8', '2a00::5eff:808:808'])).toEqual(['allowed', 'allowed']);
  });
});

describe("the server's own addresses", () => {
  const relays = [address('10.0.0.1'), address('9.9.9.9'), address('fd00::1')];

  it('are reachable as relays only, unless a list says otherwise', () => {
    const hosts = ['10.0.0.1', '9.9.9.9', 'fd00::1', '10.0.0.2'];
    expect(judge(hosts, { relays })).toEqual([
      'inside-only',
      'inside-only',
      'inside-only',
      'denied',
    ]);
    expect(judge(hosts, { relays, allow: ['10.0.0.0/8'] })[0]).toBe('allowed');
    expect(judge(hosts, { relays, deny: ['10.0.0.1'] })[0]).toBe('denied');
  });

  it('isOwn is about the whole transport address, and takes in what is added', () => {
    const under = policy({ own: [address('10.0.0.1', 3478)] });
    const added = address('fd00::1', 3478);
    under.addOwn(added);
    added.port = 1;
    const asked = [
      address('10.0.0.1', 3478),
      address('fd00::1', 3478),
      address('10.0.0.1', 3479),
      address('10.0.0.2', 3478),
      address('fd00::1', 1),
    ];
    expect(asked.map((each) => under.isOwn(each))).toEqual([true, true, false, false, false]);
  });
});
