// Where the server that runs here is reached: by its configuration, or by what a development server has written down.
// Called by: the doctor and its checks.

import { isIPv4 } from 'node:net';
import type { Config } from '../../shared/config/load.ts';
import {
  bracketed,
  isDualStack,
  isWildcard,
  type ListenerUrl,
} from '../../shared/config/network-values.ts';
import { readDevKey } from '../dev-key.ts';

export interface RunningServer {
  /** URLs of the STUN and TURN listeners. */
  readonly listeners: readonly string[];
  /** URLs of the media ports. */
  readonly media: readonly string[];
  /** Signs TURN credentials; undefined where only fixed users are known. */
  readonly turnSecret: string | undefined;
}

/** What is configured, whether it runs or not. */
export function configuredServer({ turn, sfu }: Config): RunningServer {
  const media = sfu.addresses.flatMap((host) => {
    const at = bracketed(host);
    const udp = `udp://${at}:${sfu.port}`;
    return sfu.tcp ? [udp, `tcp://${at}:${sfu.tcpPort}`] : [udp];
  });
  return { listeners: turn.listeners, media, turnSecret: turn.secrets[0] };
}

/** A development server has ports and secrets of its own making. */
export function findServer(config: Config): RunningServer {
  const development = config.mode === 'development' ? readDevKey() : undefined;
  if (development === undefined) return configuredServer(config);
  const { listeners, media, turnSecret } = development;
  return { listeners, media, turnSecret: turnSecret === '' ? undefined : turnSecret };
}

/** Where this machine reaches a listener: at both loopback addresses, where it serves both families at a wildcard. */
export function reachableAt(listener: ListenerUrl, all: readonly ListenerUrl[]): ListenerUrl[] {
  const first = { ...listener, host: reachable(listener.host) };
  return isDualStack(listener, all) ? [first, { ...listener, host: '127.0.0.1' }] : [first];
}

/** Where this machine reaches an address that it is bound to. */
export function reachable(host: string): string {
  if (!isWildcard(host)) return host;
  return isIPv4(host) ? '127.0.0.1' : '::1';
}
