// The values of the configuration that name something on the network: listener URLs, port ranges, CIDRs, ICE
// URLs.
// Called by: schema.ts to check them, the composition root, the media host and the gateway to read them.

import { isIP, isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The transports that clients of STUN and TURN come by. */
export type ListenerTransport = 'udp' | 'tcp' | 'tls' | 'dtls';

export interface ListenerUrl {
  transport: ListenerTransport;
  /** IP literal, without brackets. */
  host: string;
  /** 0 takes a free port. */
  port: number;
}

export interface PortRange {
  min: number;
  max: number;
}

/** An IPv4 or IPv6 literal without brackets or zone. */
export function isAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes('%');
}

const LISTENER_TRANSPORTS: readonly ListenerTransport[] = ['udp', 'tcp', 'tls', 'dtls'];

/** Reads `udp://127.0.0.1:3478` or `tls://[::1]:5349`; a text says what was expected instead. */
export function readListenerUrl(text: string): ListenerUrl | string {
  const expected =
    'udp://, tcp://, tls:// or dtls:// and address:port with an IP address, such as udp://[::1]:3478';
  const parts = /^([a-z]+):\/\/(?:\[([0-9a-f:.]+)\]|([0-9.]+)):(\d{1,5})$/i.exec(text);
  const transport = LISTENER_TRANSPORTS.find((scheme) => scheme === parts?.[1]?.toLowerCase());
  if (!parts || transport === undefined) return expected;
  const host = parts[2] ?? parts[3] ?? '';
  const port = Number(parts[4]);
  if (!isAddress(host) || isIPv4(host) !== (parts[2] === undefined)) return expected;
  if (port > 65_535) return `${transport}://address:port with a port up to 65535`;
  if (isMulticast(host)) return `${transport}://address:port with an address of this machine`;
  return { transport, host, port };
}

/** @throws when the text did not come through the configuration's check. */
export function parseListenerUrl(text: string): ListenerUrl {
  const url = readListenerUrl(text);
  if (typeof url === 'string') throw new TypeError(`expected ${url}`);
  return url;
}

/** Reads `192.0.2.7:3478` or `[2001:db8::7]:3478`, another server's; a text says what was expected instead. */
export function readEndpoint(text: string): Omit<ListenerUrl, 'transport'> | string {
  const url = readListenerUrl(`udp://${text}`);
  if (typeof url === 'string' || url.port === 0 || isWildcard(url.host)) {
    return 'address:port of another server, such as 192.0.2.7:3478 or [2001:db8::7]:3478';
  }
  return { host: url.host, port: url.port };
}

/** @throws when the text did not come through the configuration's check. */
export function parseEndpoint(text: string): Omit<ListenerUrl, 'transport'> {
  const endpoint = readEndpoint(text);
  if (typeof endpoint === 'string') throw new TypeError(`expected ${endpoint}`);
  return endpoint;
}

/**
 * Whether a listener serves IPv4 beside IPv6: one at `::` does, unless another one has an IPv4 address at the same
 * port, by UDP and DTLS or by TCP and TLS alike.
 * @param listeners all that there are, itself among them or not
 */
export function isDualStack(
  { transport, host, port }: ListenerUrl,
  listeners: readonly ListenerUrl[],
): boolean {
  if (isIPv4(host) || !isWildcard(host)) return false;
  const isRival = (other: ListenerUrl): boolean =>
    port !== 0 &&
    port === other.port &&
    isIPv4(other.host) &&
    isStream(transport) === isStream(other.transport);
  return !listeners.some(isRival);
}

/** Whether it has a TCP port, and not a UDP one. */
function isStream(transport: ListenerTransport): boolean {
  return transport === 'tcp' || transport === 'tls';
}

/** Whether clients of that listener are shown a certificate. */
export function needsCertificate(listener: string): boolean {
  const { transport } = parseListenerUrl(listener);
  return transport === 'tls' || transport === 'dtls';
}

/** Reads the alternate address of NAT behavior discovery; empty is none. A text says what was expected instead. */
export function readNatDiscoveryUrl(text: string): ListenerUrl | undefined | string {
  if (text === '') return undefined;
  const expected = 'udp://address:port, such as udp://192.0.2.11:3479, or nothing';
  const url = readListenerUrl(text);
  if (typeof url === 'string' || url.transport !== 'udp') return expected;
  return url.port === 0 || isWildcard(url.host) ? expected : url;
}

/**
 * Both addresses of NAT behavior discovery (RFC 5780 s6): the first listener of that family is the primary one,
 * undefined where there is none. Undefined while it is off.
 */
export function natDiscoveryUrls(
  listeners: readonly string[],
  natDiscovery: string,
): { primary: ListenerUrl | undefined; alternate: ListenerUrl } | undefined {
  const alternate = readNatDiscoveryUrl(natDiscovery);
  if (typeof alternate !== 'object') return undefined;
  const primary = listeners
    .map((text) => parseListenerUrl(text))
    .find(({ transport, host }) => transport === 'udp' && sameFamily(host, alternate.host));
  return { primary, alternate };
}

/** `udp://127.0.0.1:3478` or `tls://[::1]:5349`. */
export function formatListenerUrl(
  host: string,
  port: number,
  transport: ListenerTransport = 'udp',
): string {
  return `${transport}://${bracketed(host)}:${port}`;
}

/** An IP literal as it stands in a URL. */
export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

// Below 1024 sit the services of the machine itself; a relay must never be mistaken for one of them.
const RELAY_PORT_MIN = 1024;

/** Reads `49152-65535`; a text says what was expected instead. */
export function readPortRange(text: string): PortRange | string {
  const parts = /^(\d{1,5})-(\d{1,5})$/.exec(text);
  if (!parts) return 'two ports as "first-last", such as "49152-65535"';
  const min = Number(parts[1]);
  const max = Number(parts[2]);
  if (min < RELAY_PORT_MIN || max > 65_535) {
    return `ports from ${RELAY_PORT_MIN} to 65535 as "first-last"`;
  }
  if (min > max) return 'the lower port first, such as "49152-65535"';
  return { min, max };
}

/** @throws when the text did not come through the configuration's check. */
export function parsePortRange(text: string): PortRange {
  const range = readPortRange(text);
  if (typeof range === 'string') throw new TypeError(`expected ${range}`);
  return range;
}

/** `10.0.0.0/8` or `2001:db8::/32`. */
export function isCidr(text: string): boolean {
  const parts = /^([^/]+)\/(\d{1,3})$/.exec(text);
  if (!parts || !isAddress(parts[1] ?? '')) return false;
  return Number(parts[2]) <= (isIPv4(parts[1] ?? '') ? 32 : 128);
}

/**
 * Tells whether an address is in one of the ranges. IPv4 mapped into IPv6, as a socket for both families has it, counts
 * as the IPv4 address; what is no address is in none.
 */
export function rangeMatcher(ranges: readonly string[]): (address: string) => boolean {
  const within = ranges.map((range) => ipaddr.parseCIDR(range));
  return (address) =>
    isIP(address) !== 0 && ipaddr.subnetMatch(ipaddr.process(address), { within }, '') === 'within';
}

/** An ICE server URL, RFC 7064 s3.1 and RFC 7065 s3.1. */
export function isIceUrl(text: string): boolean {
  const parts =
    /^(stuns?|turns?):(?:\[([0-9a-f:.]+)\]|([\w.-]{1,253}))(?::(\d{1,5}))?(\?transport=(?:udp|tcp))?$/i.exec(
      text,
    );
  if (!parts) return false;
  if (parts[2] !== undefined && !isAddress(parts[2])) return false;
  if (parts[5] !== undefined && parts[1]?.toLowerCase().startsWith('stun')) return false;
  return parts[4] === undefined || (Number(parts[4]) > 0 && Number(parts[4]) <= 65_535);
}

/** A URL of one of these schemes, each with its colon. */
export function isUrlOf(text: string, schemes: readonly string[]): boolean {
  return URL.canParse(text) && schemes.includes(new URL(text).protocol);
}

/**
 * An origin as browsers send it: `https://meet.example.org`, with the port where it is not the scheme's own.
 */
export function isWebOrigin(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

export function isLoopback(address: string): boolean {
  return ipaddr.process(address).range() === 'loopback';
}

/** `0.0.0.0` or `::`: every address of the machine. */
export function isWildcard(address: string): boolean {
  return ipaddr.parse(address).range() === 'unspecified';
}

export function isMulticast(address: string): boolean {
  const range = ipaddr.process(address).range();
  return range === 'multicast' || range === 'broadcast';
}

export function sameFamily(a: string, b: string): boolean {
  return isIP(a) === isIP(b);
}
