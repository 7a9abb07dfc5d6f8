// Turns the checked configuration into what the TURN core takes: addresses as words, lifetimes in milliseconds.

import { randomInt } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import type { Settings } from '../../shared/config/schema.ts';
import {
  isDualStack,
  isWildcard,
  type ListenerTransport,
  type ListenerUrl,
  natDiscoveryUrls,
  parseEndpoint,
  parseListenerUrl,
  parsePortRange,
  sameFamily,
} from '../../shared/config/network-values.ts';
import { parseTokenKey } from '../../shared/config/token-key.ts';
import type { Clock } from '../../shared/clock.ts';
import { SternaError } from '../../shared/errors.ts';
import { TransportAddress } from '../../shared/net/transport-address.ts';
import {
  CHANNEL_NUMBER_MAX,
  type Commons,
  type CommonsOptions,
  LEGACY_CHANNEL_NUMBER_MAX,
  type NatDiscoveryAddresses,
  type TurnOptions,
  type TurnRules,
} from '../../turn/index.ts';
import type { Endpoint } from './messages.ts';

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
    allocationsPerSecond: limits.allocationsPerSecond,
    bandwidth: { perUser: limits.bandwidth.perUser, total: limits.bandwidth.total },
    workers,
  };
}

/** Throws SternaError RELAY_PORTS_SCARCE when there are not enough relay ports for what every worker shall have. */
export function checkRelayPorts(settings: TurnSettings, workers: number): void {
  const { relay, relayPortsPerWorker } = settings;
  const { min, max } = parsePortRange(relay.ports);
  const ports = max - min + 1;
  if (relayPortsPerWorker * workers <= ports) return;
  const most = Math.floor(ports / workers);
  throw new SternaError(
    'RELAY_PORTS_SCARCE',
    `turn.relayPortsPerWorker: ${workers} workers can have ${most} each of the ${ports} in turn.relay.ports; ` +
      'correct one of the two, or set workers',
  );
}

/** @param services where else the process listens by TCP: nobody's peers */
export function turnOptions(
  settings: TurnSettings,
  clock: Clock,
  commons: Commons,
  services: readonly Endpoint[] = [],
): TurnOptions {
  const { relay, limits } = settings;
  const listeners = settings.listeners.map((text) => parseListenerUrl(text));
  return {
    realm: settings.realm,
    relays: relay.addresses.map((host) => {
      const external = relay.external[host];
      return {
        local: addressOf(host),
        external: external === undefined ? undefined : addressOf(external),
      };
    }),
    sharedPorts: settings.relayPortsPerWorker,
    ...turnRules(settings),
    thirdParty: thirdPartyOptions(settings),
    forbiddenPeers: [
      ...listeners.flatMap((url) => servedAddresses(url, isDualStack(url, listeners))),
      ...services.flatMap((service) => servedAddresses(service, false)),
    ],
    natDiscovery: natDiscoveryAddresses(settings),
    perAllocation: {
      permissions: limits.permissions,
      channels: limits.channels,
      bandwidth: limits.bandwidth.perAllocation,
    },
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

/** Undefined without keys: then the server does not offer it. */
function thirdPartyOptions({ oauth, realm }: TurnSettings): TurnOptions['thirdParty'] {
  const keys = Object.entries(oauth.keys).map(([kid, text]) => [kid, tokenKeyOf(text)] as const);
  if (keys.length === 0) return undefined;
  return { serverName: oauth.serverName || realm, keys: Object.fromEntries(keys) };
}

function tokenKeyOf(text: string): Uint8Array {
  const key = parseTokenKey(text);
  if (key === undefined) throw new TypeError('not a token key');
  return key;
}

export interface DatagramListener {
  readonly address: TransportAddress;
  /** Of `::`: serves IPv4 as well. */
  readonly dualStack: boolean;
}

/** DTLS has the same ports. */
const urlOf = ({ host, port }: TransportAddress): ListenerUrl => ({ transport: 'udp', host, port });

/** Where sockets of TURN are opened by UDP, for itself and for DTLS, in the order of the configuration. */
export function datagramListeners(settings: TurnSettings): {
  udp: readonly DatagramListener[];
  dtls: readonly DatagramListener[];
} {
  const [udp, dtls] = [udpAddresses(settings), listenerAddresses(settings, 'dtls')];
  const all = [...udp, ...dtls].map(urlOf);
  const asked = (address: TransportAddress): DatagramListener => ({
    address,
    dualStack: isDualStack(urlOf(address), all),
  });
  return { udp: udp.map(asked), dtls: dtls.map(asked) };
}

/** The UDP sockets of every worker: the listeners of the configuration, and behind them those of NAT discovery. */
function udpAddresses(settings: TurnSettings): TransportAddress[] {
  const listeners = listenerAddresses(settings);
  const discovery = natDiscoveryAddresses(settings);
  if (discovery === undefined) return listeners;
  const { primary, alternate } = discovery;
  const missing = [
    addressOf(primary.host, alternate.port),
    addressOf(alternate.host, primary.port),
    alternate,
  ].filter((address) => !listeners.some((listener) => listener.equals(address)));
  return [...listeners, ...missing];
}

function natDiscoveryAddresses(settings: TurnSettings): NatDiscoveryAddresses | undefined {
  const { primary, alternate } = natDiscoveryUrls(settings.listeners, settings.natDiscovery) ?? {};
  if (primary === undefined || alternate === undefined) return undefined;
  return {
    primary: addressOf(primary.host, primary.port),
    alternate: addressOf(alternate.host, alternate.port),
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

/** Where a listener answers, of a wildcard every address of this machine: relaying to it would loop. */
function servedAddresses({ host, port }: Endpoint, dualStack: boolean): TransportAddress[] {
  if (!isWildcard(host)) return [addressOf(host, port)];
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ address }) => dualStack || sameFamily(address.split('%')[0] ?? '', host))
    .map(({ address }) => addressOf(address, port));
}

function addressOf(host: string, port = 0): TransportAddress {
  const address = TransportAddress.parse(host, port);
  if (address === undefined) throw new TypeError(`not an IP address: ${host}`);
  return address;
}
