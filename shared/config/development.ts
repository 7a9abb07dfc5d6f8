// Development mode: no file and no API keys. Everything is loopback and every secret is random, so nothing of
// it can be reached or guessed from another machine; an address that could be is refused.
// Called by: load.ts.

import { randomBytes } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { isLoopback, natDiscoveryUrls, readListenerUrl } from './network-values.ts';
import type { Problem } from './relations.ts';
import type { Settings } from './schema.ts';
import type { Sources } from './sources.ts';

const ORIGIN = 'development mode';

/** The name of the API key that development mode makes. */
export const DEVELOPMENT_KEY = 'devkey';

/** 256 random bits as text. */
export function randomSecret(): string {
  return randomBytes(32).toString('base64url');
}

export function addDevelopmentValues(
  sources: Sources,
  secret: () => string,
  terminal: boolean,
): void {
  sources.set(['keys'], { [DEVELOPMENT_KEY]: secret() }, ORIGIN);
  if (!sources.has(['turn', 'secrets']) && !sources.has(['turn', 'users'])) {
    sources.set(['turn', 'secrets'], [secret()], ORIGIN);
  }
  if (!sources.has(['turn', 'peers', 'allow'])) {
    sources.set(['turn', 'peers', 'allow'], ['127.0.0.0/8', '::1/128'], ORIGIN);
  }
  if (terminal && !sources.has(['log', 'format'])) {
    sources.set(['log', 'format'], 'pretty', ORIGIN);
  }
}

/** The defaults name both loopbacks; a machine without the IPv6 one gets the other alone. */
export function dropIpv6Defaults(sources: Sources): void {
  const v4Only: [string[], string[]][] = [
    [
      ['turn', 'listeners'],
      ['udp://127.0.0.1:3478', 'tcp://127.0.0.1:3478'],
    ],
    [['turn', 'relay', 'addresses'], ['127.0.0.1']],
    [['sfu', 'addresses'], ['127.0.0.1']],
  ];
  for (const [path, value] of v4Only) {
    if (!sources.has(path)) sources.set(path, value, 'default without ::1');
  }
}

export function hasIpv6Loopback(): boolean {
  const addresses = Object.values(networkInterfaces()).flat();
  return addresses.some((entry) => entry?.address === '::1');
}

/** The first address that development settings must not be served on. */
export function findPublicAddress({ bind, turn, sfu }: Settings): Problem | undefined {
  const expected =
    'a loopback address, because there is no configuration file and no API key: ' +
    'set keys and turn.secrets to serve other machines';
  if (!isLoopback(bind)) return { path: ['bind'], expected, value: bind };
  for (const url of turn.listeners) {
    const listener = readListenerUrl(url);
    if (typeof listener !== 'string' && isLoopback(listener.host)) continue;
    return { path: ['turn', 'listeners'], expected, value: url };
  }
  const discovery = natDiscoveryUrls([], turn.natDiscovery)?.alternate.host;
  if (discovery !== undefined && !isLoopback(discovery)) {
    return { path: ['turn', 'natDiscovery'], expected, value: turn.natDiscovery };
  }
  const relay = turn.relay.addresses.find((address) => !isLoopback(address));
  if (relay !== undefined) {
    return { path: ['turn', 'relay', 'addresses'], expected, value: relay };
  }
  const media = sfu.enabled ? sfu.addresses.find((one) => !isLoopback(one)) : undefined;
  if (media === undefined) return undefined;
  return { path: ['sfu', 'addresses'], expected, value: media };
}
