// Who asks, where proxies pass requests on: the client's address, and the host and scheme it asked for, by RFC 7239 or
// X-Forwarded-*. Anybody can send these fields, so they are believed from trusted proxies alone, and of the addresses
// in them the rightmost one that is no proxy of ours: what is left of it came from the client.
// Called by: the upgrade path and what counts by address. Without trusted proxies it looks at no field.

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isAddress, rangeMatcher } from '../shared/config/network-values.ts';
import { FORWARDED_CHARACTERS_MAX, PROXIES_MAX } from './limits.ts';

export interface Client {
  /** An IP literal; the unspecified one where a proxy does not tell whose the request is. */
  readonly address: string;
  /** The Host field as the client sent it; empty where there was none. */
  readonly host: string;
  /** Whether it came by TLS, as far as we are told. */
  readonly isSecure: boolean;
}

/** Tells whose request that is. */
export type TellClient = (request: IncomingMessage) => Client;

/** One hop as a proxy tells it; what it does not tell is undefined. */
interface Hop {
  readonly address: string;
  readonly host?: string | undefined;
  readonly scheme?: string | undefined;
}

/** Of those whom a proxy does not tell: one for all of them, and never the proxy's own, which may have privileges. */
const UNKNOWN = '0.0.0.0';

const HOST = /^(?:[\w.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i;

/** @param trustedProxies address ranges */
export function clientTeller(trustedProxies: readonly string[]): TellClient {
  const isTrusted = rangeMatcher(trustedProxies);
  return ({ socket, headers }) => {
    const address = socket.remoteAddress ?? '';
    const direct = { address, host: headers.host ?? '', isSecure: 'encrypted' in socket };
    if (trustedProxies.length === 0 || !isTrusted(address)) return direct;
    return behindProxy(direct, headers, isTrusted);
  };
}

function behindProxy(
  direct: Client,
  headers: IncomingHttpHeaders,
  isTrusted: (address: string) => boolean,
): Client {
  const { forwarded } = headers;
  const addresses = textOf(headers['x-forwarded-for']);
  const standard = forwarded === undefined ? undefined : pickHop(hopsOf(forwarded), isTrusted);
  const usual = addresses === undefined ? undefined : pickHop(xForwardedHops(addresses), isTrusted);
  // A proxy writes one of them and may pass on the other as the client sent it: two that differ tell nothing.
  if (standard && usual && standard.address !== usual.address)
    return { ...direct, address: UNKNOWN };
  const address = (standard ?? usual)?.address ?? direct.address;
  const host = standard?.host ?? lastOf(headers['x-forwarded-host']);
  const scheme = (standard?.scheme ?? lastOf(headers['x-forwarded-proto']))?.toLowerCase();
  return {
    address,
    host: host !== undefined && HOST.test(host) ? host : direct.host,
    isSecure: scheme === undefined ? direct.isSecure : scheme === 'https' || scheme === 'wss',
  };
}

/** From the right the first hop that is no trusted proxy. */
function pickHop(hops: readonly Hop[], isTrusted: (address: string) => boolean): Hop {
  let picked: Hop = { address: UNKNOWN };
  for (const hop of hops.slice(-PROXIES_MAX).toReversed()) {
    picked = hop;
    if (hop.address === UNKNOWN || !isTrusted(hop.address)) break;
  }
  return picked;
}

/** Only the end of a long field is looked at: what proxies have added is there. */
function xForwardedHops(field: string): Hop[] {
  const end = field.slice(-FORWARDED_CHARACTERS_MAX).split(',');
  // The first piece may be half an address.
  if (field.length > FORWARDED_CHARACTERS_MAX) end.shift();
  return end.map((node) => ({ address: addressOf(node.trim()) }));
}

/** RFC 7239 s4: `for=192.0.2.60;proto=http, for="[2001:db8::1]:4711"`. Empty where it is not of that kind. */
function hopsOf(field: string): Hop[] {
  if (field.length > FORWARDED_CHARACTERS_MAX) return [];
  const pair =
    /[ \t]*(?:([\w!#$%&'*+.^`|~-]+)=(?:([\w!#$%&'*+.^`|~:-]+)|"((?:[^"\\]|\\.)*)")[ \t]*)?([;,]|$)/y;
  const hops: Hop[] = [];
  let hop: Record<string, string> = {};
  while (pair.lastIndex < field.length) {
    const found = pair.exec(field);
    if (found === null) return [];
    const [, name, token, quoted, end] = found;
    if (name !== undefined) {
      const key = name.toLowerCase();
      // RFC 7239 s4: each parameter once in an element.
      if (Object.hasOwn(hop, key)) return [];
      hop[key] = token ?? quoted?.replaceAll(/\\(.)/g, '$1') ?? '';
    }
    if (end === ';') continue;
    if (Object.keys(hop).length > 0) hops.push(hopOf(hop));
    hop = {};
  }
  return hops;
}

function hopOf(pairs: Readonly<Record<string, string>>): Hop {
  return { address: addressOf(pairs['for'] ?? ''), host: pairs['host'], scheme: pairs['proto'] };
}

/** RFC 7239 s6: with or without a port. "unknown" and names that a proxy made up are no address. */
function addressOf(node: string): string {
  if (isAddress(node)) return node;
  const parts = /^(?:\[([0-9a-f:.]{2,45})\]|([\d.]{7,15}))(?::\w{1,16})?$/i.exec(node);
  const address = parts?.[1] ?? parts?.[2] ?? '';
  return isAddress(address) ? address : UNKNOWN;
}

/** What the proxy next to us has added, or the only one there is. */
function lastOf(field: string | string[] | undefined): string | undefined {
  return textOf(field)?.slice(-FORWARDED_CHARACTERS_MAX).split(',').at(-1)?.trim();
}

function textOf(field: string | string[] | undefined): string | undefined {
  return Array.isArray(field) ? field.join(',') : field;
}
