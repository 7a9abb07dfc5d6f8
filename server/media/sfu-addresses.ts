// Where media is received, from the configuration: what each worker listens on, and what clients are told of it.
// Called by: the media host.

import { networkInterfaces } from 'node:os';
import { isLoopback, isWildcard } from '../../shared/config/network-values.ts';
import type { Settings } from '../../shared/config/schema.ts';
import { TransportAddress } from '../../shared/net/transport-address.ts';
import { hostCandidates, type IceCandidate, type MediaListener } from '../../sfu/ice/candidates.ts';
import type { Endpoint } from './messages.ts';

export type SfuSettings = Settings['sfu'];

/** Every worker has a port of its own: which one a packet is for must show before it is opened. */
export function mediaEndpoints({ addresses, port }: SfuSettings, worker: number): Endpoint[] {
  return addresses.map((host) => ({ host, port: port === 0 ? 0 : port + worker }));
}

/**
 * What answers list: announced addresses instead of our own, each with the ports of its family; every address of the
 * machine for a wildcard, without loopback unless there is nothing else.
 */
export function mediaCandidates(
  announce: readonly string[],
  udp: readonly Endpoint[],
  tcp: readonly Endpoint[],
): IceCandidate[] {
  return hostCandidates(
    [...listeners('udp', udp), ...listeners('tcp', tcp)],
    announce.map((host) => addressOf({ host, port: 0 })),
  );
}

export function addressOf({ host, port }: Endpoint): TransportAddress {
  const address = TransportAddress.parse(host, port);
  if (address === undefined) throw new TypeError(`not an IP address: ${host}`);
  return address;
}

function listeners(transport: 'udp' | 'tcp', endpoints: readonly Endpoint[]): MediaListener[] {
  return reachable(endpoints).map((address) => ({ transport, address }));
}

function reachable(endpoints: readonly Endpoint[]): TransportAddress[] {
  return endpoints.flatMap((endpoint) => {
    if (!isWildcard(endpoint.host)) return [addressOf(endpoint)];
    const { family } = addressOf(endpoint);
    const hosts = Object.values(networkInterfaces())
      .flatMap((entries) => entries ?? [])
      // A link-local address means nothing without its link.
      .filter(({ address, scopeid }) => (scopeid ?? 0) === 0 && !address.startsWith('169.254.'))
      .map(({ address }) => address);
    const all = hosts
      .map((host) => addressOf({ host, port: endpoint.port }))
      .filter((address) => address.family === family);
    const outside = all.filter(({ host }) => !isLoopback(host));
    return outside.length > 0 ? outside : all;
  });
}
