// What no single key can say: relations between keys, and settings that deserve a warning.
// Called by: load.ts after the schema has accepted each key for itself.

import type { Path } from './keys.ts';
import {
  isLoopback,
  isWildcard,
  natDiscoveryUrls,
  needsCertificate,
  parseListenerUrl,
  parsePortRange,
  sameFamily,
} from './network-values.ts';
import type { Settings } from './schema.ts';

export interface Problem {
  path: Path;
  /** Reads on from "expected". */
  expected: string;
  value: unknown;
}

/** The first thing wrong with the settings as a whole, or undefined. */
export function findProblem(settings: Settings): Problem | undefined {
  return (
    placeholderProblem(settings) ??
    engineProblem(settings) ??
    relayProblem(settings) ??
    relayPortsProblem(settings) ??
    redirectProblem(settings) ??
    natDiscoveryProblem(settings) ??
    lifetimeProblem(settings) ??
    tlsProblem(settings) ??
    webhooksProblem(settings) ??
    mediaProblem(settings)
  );
}

/** What stands in sterna.example.yaml for everybody to read. */
const PLACEHOLDER = /^put-a(?:nother)?-random-secret-of-32-or-more\b/;

function placeholderProblem({ keys, turn }: Settings): Problem | undefined {
  const expected = 'a secret of your own in place of the example (openssl rand -base64 32)';
  const key = Object.entries(keys).find(([, secret]) => PLACEHOLDER.test(secret));
  if (key !== undefined) return { path: ['keys', key[0]], expected, value: key[1] };
  const index = turn.secrets.findIndex((secret) => PLACEHOLDER.test(secret));
  if (index < 0) return undefined;
  return { path: ['turn', 'secrets', String(index)], expected, value: turn.secrets[index] };
}

function mediaProblem({ sfu, workers, rooms }: Settings): Problem | undefined {
  if (!sfu.enabled) {
    if (rooms.mode !== 'auto') return undefined;
    const expected = 'p2p, since sfu.enabled is false';
    return { path: ['rooms', 'mode'], expected, value: rooms.mode };
  }
  const { port } = sfu;
  if (port !== 0 && port + Math.max(workers, 1) - 1 > 65_535) {
    const expected = `a port that leaves room for one each of ${workers} workers`;
    return { path: ['sfu', 'port'], expected, value: port };
  }
  return repeated(sfu.addresses, ['sfu', 'addresses']);
}

function webhooksProblem({ webhooks, keys }: Settings): Problem | undefined {
  const { urls, key } = webhooks;
  if (urls.length > 0 && !Object.hasOwn(keys, key)) {
    const expected = `the name of the API key that signs: one of ${Object.keys(keys).join(', ')}`;
    return { path: ['webhooks', 'key'], expected, value: key };
  }
  return repeated(urls, ['webhooks', 'urls']);
}

function tlsProblem({ turn, gateway }: Settings): Problem | undefined {
  const [given, missing] = gateway.tls.cert === '' ? ['key', 'cert'] : ['cert', 'key'];
  if ((gateway.tls.cert === '') !== (gateway.tls.key === '')) {
    const expected = `the path of a PEM file, because gateway.tls.${given} is set`;
    return { path: ['gateway', 'tls', missing], expected, value: undefined };
  }
  const listener = turn.listeners.find((url) => needsCertificate(url));
  if (listener === undefined) return undefined;
  const field = (['cert', 'key'] as const).find((name) => turn.tls[name] === '');
  if (field === undefined) return undefined;
  const expected = `the path of a PEM file, for ${listener} in turn.listeners`;
  return { path: ['turn', 'tls', field], expected, value: undefined };
}

function engineProblem({ engine, workers, workerCpus, mainCpus }: Settings): Problem | undefined {
  if (engine !== 'portable') return undefined;
  if (workers > 1) {
    const expected = '1 with engine: portable (only the linux engine shares a port among workers)';
    return { path: ['workers'], expected, value: workers };
  }
  if (workerCpus !== '') {
    const expected = 'nothing with engine: portable (only the linux engine pins its workers)';
    return { path: ['workerCpus'], expected, value: workerCpus };
  }
  if (mainCpus !== '') {
    const expected = 'nothing with engine: portable (its worker could not leave those CPUs)';
    return { path: ['mainCpus'], expected, value: mainCpus };
  }
  return undefined;
}

function relayProblem({ turn }: Settings): Problem | undefined {
  const { addresses, external } = turn.relay;
  for (const [inside, outside] of Object.entries(external)) {
    const path = ['turn', 'relay', 'external', inside];
    if (!addresses.includes(inside)) {
      const expected = `a relay address as its name: one of ${addresses.join(', ')}`;
      return { path, expected, value: inside };
    }
    if (!sameFamily(inside, outside)) {
      return { path, expected: `an address of the same family as ${inside}`, value: outside };
    }
  }
  return (
    repeated(addresses, ['turn', 'relay', 'addresses']) ??
    repeated(
      turn.listeners.filter((url) => parseListenerUrl(url).port !== 0),
      ['turn', 'listeners'],
    )
  );
}

/** Where the number of workers is left to the machine, they are counted when they start. */
function relayPortsProblem({ turn, workers }: Settings): Problem | undefined {
  const { min, max } = parsePortRange(turn.relay.ports);
  const most = Math.floor((max - min + 1) / Math.max(workers, 1));
  const value = turn.relayPortsPerWorker;
  if (value <= most) return undefined;
  const expected = `at most ${most}, the share of one worker in turn.relay.ports`;
  return { path: ['turn', 'relayPortsPerWorker'], expected, value };
}

function redirectProblem({ turn }: Settings): Problem | undefined {
  const { redirect, alternateServers } = turn;
  if (redirect === 'always' && alternateServers.length === 0) {
    const expected = 'draining, or an entry in turn.alternateServers';
    return { path: ['turn', 'redirect'], expected, value: redirect };
  }
  return repeated(alternateServers, ['turn', 'alternateServers']);
}

/** RFC 5780 s6: two addresses with two ports each. */
function natDiscoveryProblem({ turn }: Settings): Problem | undefined {
  const value = turn.natDiscovery;
  const urls = natDiscoveryUrls(turn.listeners, value);
  if (urls === undefined) return undefined;
  const { primary, alternate } = urls;
  const path = ['turn', 'natDiscovery'];
  if (primary === undefined || primary.port === 0 || isWildcard(primary.host)) {
    const expected =
      'its first udp:// listener of that family at one IP address and a port of its own';
    return { path, expected, value };
  }
  if (primary.host !== alternate.host && primary.port !== alternate.port) return undefined;
  const expected = `another IP address and another port than ${primary.host}, ${primary.port}`;
  return { path, expected, value };
}

function repeated(values: readonly string[], path: Path): Problem | undefined {
  const twice = values.find((value, i) => values.indexOf(value) !== i);
  return twice === undefined ? undefined : { path, expected: 'each entry once', value: twice };
}

function lifetimeProblem({ turn }: Settings): Problem | undefined {
  const { allocation, allocationMax, permission, channel } = turn.lifetimes;
  if (allocation > allocationMax) {
    const expected = `at most turn.lifetimes.allocationMax (${allocationMax})`;
    return { path: ['turn', 'lifetimes', 'allocation'], expected, value: allocation };
  }
  // A channel without its permission would drop what it carries, RFC 8656 s12.
  if (channel < permission) {
    const expected = `at least turn.lifetimes.permission (${permission})`;
    return { path: ['turn', 'lifetimes', 'channel'], expected, value: channel };
  }
  if (turn.quota.perUser > turn.quota.total) {
    const expected = `at most turn.quota.total (${turn.quota.total})`;
    return { path: ['turn', 'quota', 'perUser'], expected, value: turn.quota.perUser };
  }
  return undefined;
}

/** What works but is probably not meant, each in one sentence with the key that changes it. */
export function findWarnings(settings: Settings): string[] {
  const { turn } = settings;
  const warnings: string[] = [];
  const listensPublicly = turn.listeners.some((url) => !isLoopback(parseListenerUrl(url).host));
  if (listensPublicly && turn.relay.addresses.every(isLoopback)) {
    warnings.push(
      'turn.relay.addresses: all are loopback, so TURN relays only within this machine',
    );
  }
  if (listensPublicly && turn.peers.allow.some((cidr) => isLoopback(cidr.split('/')[0] ?? ''))) {
    warnings.push('turn.peers.allow: lets TURN clients reach loopback services of this machine');
  }
  if (listensPublicly && turn.secrets.some((secret) => secret.length < 32)) {
    warnings.push('turn.secrets: a secret is shorter than 32 characters');
  }
  const { sfu } = settings;
  if (
    sfu.enabled &&
    sfu.addresses.every(isLoopback) &&
    !isLoopback(settings.bind) &&
    sfu.announce.length === 0
  ) {
    warnings.push('sfu.addresses: all are loopback, so no other machine can send media');
  }
  if (turn.secrets.length === 0) {
    warnings.push('turn.secrets: empty, so participants get STUN but no TURN credentials');
  }
  if (turn.oauth.serverName !== '' && Object.keys(turn.oauth.keys).length === 0) {
    warnings.push('turn.oauth.serverName: does nothing without turn.oauth.keys');
  }
  const { urls, allowPrivate } = settings.webhooks;
  if (urls.some((url) => url.startsWith('http:')) && !allowPrivate) {
    warnings.push('webhooks.urls: http:// to a public address lets others read what is sent');
  }
  if (settings.signaling.origins.includes('*') && !isLoopback(settings.bind)) {
    warnings.push('signaling.origins: "*" lets every web page connect');
  }
  return warnings;
}
