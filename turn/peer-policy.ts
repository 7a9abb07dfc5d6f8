// Which peers may be relayed to (RFC 8656 s21.2, s21.3): by default only what is global unicast.
// Order: tunnels, deny list, allow list, the server's own relays, default denials but for where the process answers.
// Compiled CIDR rules; allocates nothing per check.

import ipaddr from 'ipaddr.js';
import type { HandOver } from '../shared/net/hand-over.ts';
import { TransportAddress } from '../shared/net/transport-address.ts';

/**
 * Not reachable unless allowed: the IANA special-purpose registries, multicast, and cloud metadata on public
 * addresses.
 */
export const DENIED_BY_DEFAULT: readonly string[] = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // carrier-grade NAT
  '127.0.0.0/8', // loopback
  '168.63.129.16/32', // Azure's host
  '169.254.0.0/16', // link-local, metadata
  '172.16.0.0/12', // private
  '192.0.0.0/24', // IETF protocol assignments
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // 6to4 relay anycast
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarking
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
  '::/96', // unspecified, loopback, IPv4-compatible
  '::ffff:0:0/96', // IPv4-mapped
  '::ffff:0:0:0/96', // IPv4-translated
  '64:ff9b::/96', // NAT64
  '64:ff9b:1::/48', // local-use NAT64
  '100::/64', // discard
  '2001::/23', // IETF protocol assignments, Teredo, ORCHID
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4
  '3fff::/20', // documentation
  '5f00::/16', // segment routing
  'fc00::/7', // unique local
  'fe80::/10', // link-local
  'fec0::/10', // site-local
  'ff00::/8', // multicast
];

/** `inside-only`: what is in this process alone, as `TurnState.judgeDestination` tells. */
export type PeerVerdict = 'allowed' | 'inside-only' | 'denied';

export interface PeerPolicyOptions {
  /** CIDR blocks, or single addresses. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  /** Relayed transport addresses of this server, internal and external: reachable as relays, nothing else there. */
  readonly relays: readonly TransportAddress[];
  /** Transport addresses that are never peers: the server's own listeners, which would loop (RFC 8656 s21.1.7). */
  readonly own: readonly TransportAddress[];
  /** Where else the process answers: reachable there, and nothing else on those hosts if they are denied otherwise. */
  readonly handOver?: HandOver | undefined;
}

interface Rule {
  readonly family: 4 | 6;
  readonly words: readonly [number, number, number, number];
  readonly masks: readonly [number, number, number, number];
}

export class PeerPolicy {
  #allow: readonly Rule[];
  #deny: readonly Rule[];
  readonly #defaults: readonly Rule[];
  readonly #relays: readonly TransportAddress[];
  readonly #own: TransportAddress[];
  readonly #handOver: HandOver | undefined;
  readonly #embedded = new TransportAddress();

  /** Throws a TypeError that names an entry that is no CIDR block. */
  constructor(options: PeerPolicyOptions) {
    this.#allow = options.allow.map(compile);
    this.#deny = options.deny.map(compile);
    this.#defaults = DENIED_BY_DEFAULT.map(compile);
    this.#relays = options.relays;
    this.#own = [...options.own];
    this.#handOver = options.handOver;
  }

  /** Has other lists from now on. Throws as the constructor does, and changes nothing then. */
  replace({ allow, deny }: Pick<PeerPolicyOptions, 'allow' | 'deny'>): void {
    [this.#allow, this.#deny] = [allow.map(compile), deny.map(compile)];
  }

  /** Adds one of the server's own listeners. */
  addOwn(address: TransportAddress): void {
    this.#own.push(address.copy());
  }

  /** Judges an IP address; its port plays no part. */
  judge(peer: TransportAddress): PeerVerdict {
    if (isTunneled(peer)) return 'denied';
    const verdict = this.#judgeOne(peer);
    if (verdict !== 'allowed' || !embeddedV4(peer, this.#embedded)) return verdict;
    // An IPv6 form of an IPv4 address opens no more than that address does.
    return this.#judgeOne(this.#embedded) === 'allowed' ? 'allowed' : 'denied';
  }

  /** Whether this transport address is one of the server's own listeners. */
  isOwn(peer: TransportAddress): boolean {
    for (let i = 0; i < this.#own.length; i++) {
      if (this.#own[i]?.equals(peer) === true) return true;
    }
    return false;
  }

  #judgeOne(peer: TransportAddress): PeerVerdict {
    if (matches(this.#deny, peer)) return 'denied';
    if (matches(this.#allow, peer)) return 'allowed';
    for (let i = 0; i < this.#relays.length; i++) {
      if (this.#relays[i]?.sameHost(peer) === true) return 'inside-only';
    }
    if (!matches(this.#defaults, peer)) return 'allowed';
    return this.#handOver?.hasHost(peer) === true ? 'inside-only' : 'denied';
  }
}

function matches(rules: readonly Rule[], peer: TransportAddress): boolean {
  for (let i = 0; i < rules.length; i++) {
    const rule = rules[i]!;
    if (
      rule.family === peer.family &&
      ((peer.w0 ^ rule.words[0]) & rule.masks[0]) === 0 &&
      ((peer.w1 ^ rule.words[1]) & rule.masks[1]) === 0 &&
      ((peer.w2 ^ rule.words[2]) & rule.masks[2]) === 0 &&
      ((peer.w3 ^ rule.words[3]) & rule.masks[3]) === 0
    ) {
      return true;
    }
  }
  return false;
}

/** The IPv4 address inside an IPv6 one: mapped, compatible, translated, NAT64 (RFC 6052, RFC 8215). */
function embeddedV4(peer: TransportAddress, out: TransportAddress): boolean {
  if (peer.family === 4) return false;
  const { w0, w1, w2, w3 } = peer;
  // `::` and `::1` are no IPv4-compatible addresses.
  const compatible = w2 === 0 && w3 > 1;
  if (w0 === 0 && w1 === 0 && (compatible || w2 === 0xffff || w2 === 0xffff0000)) {
    out.setV4(w3, 0);
    return true;
  }
  if (w0 === 0x64ff9b && w1 === 0 && w2 === 0) {
    out.setV4(w3, 0);
    return true;
  }
  if (w0 === 0x64ff9b && w1 >>> 16 === 1) {
    out.setV4(w3, 0);
    return true;
  }
  return false;
}

/**
 * Teredo and 6to4, which must not be accepted as client or peer (RFC 8656 s21.4), and ISATAP (RFC 5214
 * s6.1): each could carry our datagrams back to us, so no allow list opens them.
 */
export function isTunneled(address: TransportAddress): boolean {
  const { family, w0, w2 } = address;
  if (family === 4) return false;
  return w0 === 0x20010000 || w0 >>> 16 === 0x2002 || (w2 & ~0x0200_0000) === 0x5efe;
}

function compile(text: string): Rule {
  const slash = text.indexOf('/');
  const host = slash < 0 ? text : text.slice(0, slash);
  const address = TransportAddress.parse(host);
  const bits = address?.family === 4 ? 32 : 128;
  const prefix = slash < 0 ? bits : Number(text.slice(slash + 1));
  const valid = slash < 0 || ipaddr.isValidCIDR(text);
  if (address === undefined || !valid || !(prefix >= 0 && prefix <= bits)) {
    throw new TypeError(`not a CIDR block: ${JSON.stringify(text)}`);
  }
  const mask = (word: number): number => {
    const ones = Math.min(32, Math.max(0, prefix - word * 32));
    return ones === 0 ? 0 : (0xffffffff << (32 - ones)) >>> 0;
  };
  return {
    family: address.family,
    words: [address.w0, address.w1, address.w2, address.w3],
    masks: [
      mask(0),
      address.family === 4 ? 0 : mask(1),
      address.family === 4 ? 0 : mask(2),
      address.family === 4 ? 0 : mask(3),
    ],
  };
}
