// Turns the checked configuration into what the TURN core takes: addresses as words, lifetimes in milliseconds.

import { randomInt } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import type { Settings } from '../../shared/config/schema.ts';
import {
  isWildcard,
  type ListenerTransport,
  parseEndpoint,
  parseListenerUrl,
  parsePortRange,
} from '../../shared/config/network-values.ts';
import type { Clock } from '../../shared/clock.ts';
import { TransportAddress } from '../../shared/net/transport-address.ts';
import {
  CHANNEL_NUMBER_MAX,
  type Commons,
  type CommonsOptions,
  LEGACY_CHANNEL_NUMBER_MAX,
  type TurnOptions,
  type TurnRules,
} from '../../turn/index.ts';

export type TurnSettings = Settings['turn'];

/** What the workers share is made for. */
export function commonsOptions(settings: TurnSettings, workers: number): CommonsOptions {
  const { relay, quota, limits } = settings;
  const ports = parsePortRange(relay.ports);
  return {
    hosts: relay.addresses.length,
    ports: { first: ports.min, last: ports.max },
    quotaTotal: quota.total,
    unauthorizedPerSecond: limits.unauthorizedPerSecond,
    workers,
  };
}

export function turnOptions(settings: TurnSettings, clock: Clock, commons: Commons): TurnOptions {
  const { relay } = settings;
  return {
    realm: settings.realm,
    relays: relay.addresses.map((host) => {
      const external = relay.external[host];
      return {
        local: addressOf(host),
        external: external === undefined ? undefined : addressOf(external),
      };
    }),
    ...turnRules(settings),
    forbiddenPeers: listenerAddresses(settings).flatMap(behindWildcard),
    channelNumberMax: settings.legacyChannels ? LEGACY_CHANNEL_NUMBER_MAX : CHANNEL_NUMBER_MAX,
    mobility: settings.mobility,
    random: (n) => randomInt(n),
    clock,
    commons,
  };
}

/** What of it a running server takes over. */
export function turnRules(settings: TurnSettings): TurnRules {
  const { users, secrets, peers, quota, lifetimes, alternateServers, redirect } = settings;
  return {
    users,
    secrets,
    peers,
    quotaPerUser: quota.perUser,
    alternateServers: alternateServers
      .map((text) => parseEndpoint(text))
      .map(({ host, port }) => addressOf(host, port)),
    redirect,
    lifetimes: {
      allocation: lifetimes.allocation * 1000,
      allocationMax: lifetimes.allocationMax * 1000,
      permission: lifetimes.permission * 1000,
      channel: lifetimes.channel * 1000,
      nonce: lifetimes.nonce * 1000,
    },
  };
}

/** The listeners of one transport, in the order of the configuration. */
export function listenerAddresses(
  settings: TurnSettings,
  transport: ListenerTransport = 'udp',
): TransportAddress[] {
  return settings.listeners
    .map((text) => parseListenerUrl(text))
    .filter((url) => url.transport === transport)
    .map(({ host, port }) => addressOf(host, port));
}

/** Every address of this machine that a wildcard listener answers at: relaying to it would loop. */
function behindWildcard(listener: TransportAddress): TransportAddress[] {
  if (!isWildcard(listener.host)) return [];
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .map(({ address }) => addressOf(address, listener.port))
    .filter((address) => address.family === listener.family);
}

function addressOf(host: string, port = 0): TransportAddress {
  const address = TransportAddress.parse(host, port);
  if (address === undefined) throw new TypeError(`not an IP address: ${host}`);
  return address;
}
