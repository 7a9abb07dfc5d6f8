// The header that a proxy puts in front of a TCP connection to say whose it is: PROXY protocol, versions 1 and 2
// (haproxy.org, proxy-protocol.txt), without I/O.
// Called by: TurnStreamsHost, for connections from trusted proxies alone.

import { isIPv4, isIPv6 } from 'node:net';
import { TransportAddress } from '../../shared/net/transport-address.ts';
import type { Endpoint } from './messages.ts';

/** Proxy-protocol.txt s2.1: the longest line of version 1, with its CRLF. */
const V1_BYTES_MAX = 107;
const V1_START = Buffer.from('PROXY ', 'latin1');

/** Proxy-protocol.txt s2.2. */
const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V2_HEADER_BYTES = 16;
/** 16 bytes of header and 520 of addresses and TLVs: more than any proxy sends to the like of us. */
const V2_BYTES_MAX = 536;
const V2_VERSION = 2;
const COMMAND_LOCAL = 0;
const COMMAND_PROXY = 1;
const FAMILY_UNSPEC = 0x00;
const FAMILY_TCP4 = 0x11;
const FAMILY_TCP6 = 0x21;
const FAMILY_UNIX_STREAM = 0x31;
/** What both addresses and ports take up at least, s2.2. */
const ADDRESS_BYTES: Readonly<Record<number, number>> = {
  [FAMILY_UNSPEC]: 0,
  [FAMILY_TCP4]: 12,
  [FAMILY_TCP6]: 36,
  [FAMILY_UNIX_STREAM]: 216,
};

export interface ProxyHeader {
  /** Bytes of the header: behind them the connection itself begins. */
  readonly length: number;
  /** The client; undefined where the connection is the proxy's own, or the client has no such address. */
  readonly source: Endpoint | undefined;
}

/** Reads from the first bytes that have come so far; `broken` also where they are no header at all. */
export function readProxyHeader(bytes: Uint8Array): ProxyHeader | 'more' | 'broken' {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (startsAs(head, V1_START)) return readV1(head);
  if (startsAs(head, V2_SIGNATURE)) return readV2(head);
  return 'broken';
}

/** Whether they agree as far as both go. */
function startsAs(head: Buffer, start: Buffer): boolean {
  const length = Math.min(head.length, start.length);
  return head.compare(start, 0, length, 0, length) === 0;
}

function readV1(head: Buffer): ProxyHeader | 'more' | 'broken' {
  const line = head.toString('latin1', 0, V1_BYTES_MAX);
  const end = line.indexOf('\r\n');
  if (end < 0) return head.length < V1_BYTES_MAX ? 'more' : 'broken';
  const length = end + 2;
  const [, family, source = '', destination = '', sourcePort, destinationPort, ...more] = line
    .slice(0, end)
    .split(' ');
  // What follows UNKNOWN is to be passed over, s2.1.
  if (family === 'UNKNOWN') return { length, source: undefined };
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isPlainIpv6 : () => false;
  const port = readPort(sourcePort);
  if (!isAddress(source) || !isAddress(destination) || more.length > 0) return 'broken';
  if (port === undefined || readPort(destinationPort) === undefined) return 'broken';
  return { length, source: plainEndpoint(source, port) };
}

/** Without a zone, which says nothing on another machine. */
function isPlainIpv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%');
}

/** S2.1: decimal, without leading zeros. */
function readPort(text: string | undefined): number | undefined {
  if (text === undefined || !/^(?:0|[1-9]\d{0,4})$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 0xffff ? port : undefined;
}

function readV2(head: Buffer): ProxyHeader | 'more' | 'broken' {
  if (head.length < V2_HEADER_BYTES) return 'more';
  const [version, command] = [head[12]! >> 4, head[12]! & 0x0f];
  const family = head[13]!;
  const following = head.readUInt16BE(14);
  const length = V2_HEADER_BYTES + following;
  if (version !== V2_VERSION || length > V2_BYTES_MAX) return 'broken';
  if (command !== COMMAND_LOCAL && command !== COMMAND_PROXY) return 'broken';
  // Datagrams and families that nobody has defined are no TCP connection's.
  const needed = command === COMMAND_LOCAL ? 0 : ADDRESS_BYTES[family];
  if (needed === undefined || following < needed) return 'broken';
  if (head.length < length) return 'more';
  // LOCAL is the proxy itself, a health check say, whatever else the header holds. TLVs are passed over.
  return { length, source: command === COMMAND_LOCAL ? undefined : sourceOf(head, family) };
}

function sourceOf(head: Buffer, family: number): Endpoint | undefined {
  const at = V2_HEADER_BYTES;
  const address = new TransportAddress();
  if (family === FAMILY_TCP4) {
    address.setV4(head.readUInt32BE(at), head.readUInt16BE(at + 8));
  } else if (family === FAMILY_TCP6) {
    const words = [0, 4, 8, 12].map((offset) => head.readUInt32BE(at + offset));
    address.setV6(words[0]!, words[1]!, words[2]!, words[3]!, head.readUInt16BE(at + 32));
  } else return undefined;
  return plainEndpoint(address.host, address.port);
}

/** IPv4 mapped into IPv6 (RFC 4291 s2.5.5.2) is told as the IPv4 address; undefined where it is no address. */
export function plainEndpoint(host: string | undefined, port = 0): Endpoint | undefined {
  // A link-local address has its zone behind it.
  const address = TransportAddress.parse(host?.split('%')[0] ?? '', port);
  if (address === undefined) return undefined;
  return { host: address.unmap().host, port };
}
