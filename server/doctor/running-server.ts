// Where the server that runs here is reached: by its configuration, or by what a development server has written down.
// Called by: the doctor and its checks.

import { isIPv4 } from 'node:net';
import type { Config } from '../../shared/config/load.ts';
import {
  formatListenerUrl,
  isDualStack,
  isWildcard,
  type ListenerUrl,
} from '../../shared/config/network-values.ts';
import { readDevKey } from '../dev-key.ts';
import { mediaEndpoints } from '../media/sfu-addresses.ts';

export interface RunningServer {
  /** URLs of the STUN and TURN listeners. */
  readonly listeners: readonly string[];
  /** URLs of the media ports. */
  readonly media: readonly string[];
  /** Signs TURN credentials; undefined where only fixed users are known. */
  readonly turnSecret: string | undefined;
}

/** What is configured, whether it runs or not. */
export function configuredServer({ turn, sfu }: Config, workers: number): RunningServer {
  const udp = Array.from({ length: workers }, (_, worker) => mediaEndpoints(sfu, worker)).flat();
  const tcp = sfu.tcp ? sfu.addresses.map((host) => ({ host, port: sfu.tcpPort })) : [];
  const media = [
    ...new Set(udp.map(({ host, port }) => formatListenerUrl(host, port))),
    ...tcp.map(({ host, port }) => formatListenerUrl(host, port, 'tcp')),
  ];
  return { listeners: turn.listeners, media, turnSecret: turn.secrets[0] };
}

/** A development server has ports and secrets of its own making. */
export function findServer(config: Config, workers: number): RunningServer {
  const development = config.mode === 'development' ? readDevKey() : undefined;
  if (development === undefined) return configuredServer(config, workers);
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
