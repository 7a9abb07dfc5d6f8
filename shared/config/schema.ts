// Every key of the configuration, once: its name, default, bounds and meaning. Types, the JSON Schema for
// editors, the environment variables and docs/configuration.md come from here. A message says what is
// expected: "expected <message>".
// Called by: load.ts; the house tests.

import { z } from 'zod';
import { readCpuList } from './cpu-list.ts';
import { LOG_LEVELS } from '../log.ts';
import { opaqueString } from '../stun/opaque-string.ts';
import {
  isAddress,
  isIceUrl,
  isMulticast,
  isUrlOf,
  isWildcard,
  readEndpoint,
  readListenerUrl,
  readNatDiscoveryUrl,
} from './network-values.ts';
import { gateway } from './gateway-schema.ts';
import { redis, redisUrl } from './redis-schema.ts';
import { relay, relayPortsPerWorker } from './relay-schema.ts';
import {
  checked,
  cidr,
  credential,
  integer,
  listOf,
  origin,
  text,
  tlsFiles,
} from './schema-values.ts';
import { parseTokenKey } from './token-key.ts';
import { audit, webhooks } from './webhooks-schema.ts';

/** HS256 wants a key at least as long as its hash, RFC 7518 s3.2. */
const API_SECRET_MIN = 32;

const address = checked(isAddress, 'an IP address, such as 127.0.0.1 or ::1');
const announcedAddress = checked(
  (value) => isAddress(value) && !isWildcard(value) && !isMulticast(value),
  'an IP address that clients reach (not 0.0.0.0 or ::)',
);
const mediaAddress = checked(
  (value) => isAddress(value) && !isMulticast(value),
  'an IP address of this machine, or 0.0.0.0 or ::',
);
const iceUrl = checked(
  isIceUrl,
  'an ICE URL, such as turn:turn.example.org:3478?transport=udp or stun:192.0.2.1:3478',
);
const keyName = z
  .string()
  .regex(/^[\w.-]{1,64}$/, { error: 'a key name of letters, digits, ".", "_" and "-"' });
const userName = credential(128, 'a user name');
const tokenKey = checked(
  (value) => parseTokenKey(value) !== undefined,
  'base64 of 32 bytes (A256GCM) or 16 bytes (A128GCM), such as openssl rand -base64 32 prints',
);
/** Every datagram must fit into what a limit lets through at once. */
const BANDWIDTH_MIN = 10_000;
const BANDWIDTH_MAX = 10_000_000_000;
const bandwidth = z
  .int({ error: `0, or ${BANDWIDTH_MIN} to ${BANDWIDTH_MAX} bytes a second` })
  .refine((value) => value === 0 || (value >= BANDWIDTH_MIN && value <= BANDWIDTH_MAX), {
    error: `0, or ${BANDWIDTH_MIN} to ${BANDWIDTH_MAX} bytes a second`,
  })
  .default(0);
const lifetime = (max: number) => integer(10, max);

const signaling = z.strictObject({
  origins: listOf(origin, 64)
    .default([])
    .describe('Web origins whose pages may connect besides our own; "*" lets all'),
});

const rooms = z.strictObject({
  maxParticipants: integer(2, 1000)
    .default(50)
    .describe('Capacity of a room that the API gave no other'),
  emptyTimeout: integer(0, 86_400)
    .default(300)
    .describe('Seconds that a room lives on without participants'),
});

const userSources = z.strictObject({
  redis: z
    .strictObject({
      url: redisUrl
        .default('')
        .describe('Redis that has a hash of user names and passwords; empty for none'),
      key: text(1, 256, 'a key').default('sterna:turn:users').describe('Name of that hash'),
    })
    .prefault({})
    .describe('Users in Redis'),
  http: z
    .strictObject({
      url: checked(
        (value) => value === '' || isUrlOf(value, ['http:', 'https:']),
        'an http:// or https:// URL',
      )
        .default('')
        .describe('Web service that is asked by POST for the password of a user; empty for none'),
      authorization: z
        .string()
        .regex(/^[\x20-\x7e]{0,512}$/, { error: 'at most 512 printable ASCII characters' })
        .default('')
        .describe('Authorization header field that it is sent'),
    })
    .prefault({})
    .describe('Users of a web service'),
  cacheSeconds: integer(1, 86_400)
    .default(60)
    .describe('How long what they said of a user is good'),
  unknownSeconds: integer(1, 3600)
    .default(5)
    .describe('How long an unknown user is not asked for again'),
});

const turn = z.strictObject({
  realm: credential(127, 'text')
    .default('example.org')
    .describe('Realm of the long-term credentials, usually the domain of the service'),
  listeners: listOf(checked(readListenerUrl), 64)
    .min(1, { error: 'at least one listener, such as udp://192.0.2.1:3478' })
    .default([
      'udp://127.0.0.1:3478',
      'udp://[::1]:3478',
      'tcp://127.0.0.1:3478',
      'tcp://[::1]:3478',
    ])
    .describe('Where STUN and TURN are served: udp://, tcp://, tls:// or dtls://'),
  tls: tlsFiles('for tls:// and dtls:// listeners')
    .prefault({})
    .describe(
      'The certificate of TLS and DTLS listeners; read again when the files change, and on SIGHUP',
    ),
  proxyProtocol: listOf(cidr, 64)
    .default([])
    .describe(
      'Proxies in front of tcp:// and tls:// listeners, which must send the header of the PROXY protocol',
    ),
  advertise: listOf(iceUrl, 16)
    .default([])
    .describe('ICE URLs handed to participants; made from the listeners when empty'),
  relay: relay.prefault({}).describe('Where relayed media leaves this machine'),
  relayPortsPerWorker,
  users: z
    .record(userName, credential(256, 'a password'))
    .default({})
    .describe('Static long-term credentials: user name and password'),
  userFile: text(0, 4096, 'a path')
    .default('')
    .describe(
      'File of further users, name:password a line, read again when it changes; empty for none',
    ),
  secrets: listOf(text(8, 512, 'a secret'), 16)
    .default([])
    .describe(
      'Shared secrets of TURN REST credentials; the first one mints, all verify (for rollover)',
    ),
  userSources: userSources.prefault({}).describe('Where else users are looked up'),
  oauth: z
    .strictObject({
      serverName: text(0, 127, 'text')
        .refine((value) => value === '' || opaqueString(value) !== undefined, {
          error: 'text without control characters',
        })
        .default('')
        .describe('Name of this server, which tokens are bound to; the realm when empty'),
      keys: z
        .record(credential(128, 'a key id'), tokenKey)
        .default({})
        .describe(
          'Keys shared with authorization servers: key id (kid) and base64 of 32 bytes (A256GCM) or 16 (A128GCM)',
        ),
    })
    .prefault({})
    .describe('Third-party authorization by tokens (RFC 7635), beside users and secrets'),
  peers: z
    .strictObject({
      allow: listOf(cidr, 256)
        .default([])
        .describe('Ranges that may be relayed to although they are denied by default'),
      deny: listOf(cidr, 256)
        .default([])
        .describe('Ranges that are never relayed to, stronger than allow'),
    })
    .prefault({})
    .describe('Whom TURN clients may reach; internal and special ranges are denied by default'),
  legacyChannels: z
    .boolean({ error: 'true or false' })
    .default(false)
    .describe(
      'Also accept the channel numbers 0x5000-0x7FFF of RFC 5766, for clients from before RFC 8656',
    ),
  mobility: z
    .boolean({ error: 'true or false' })
    .default(true)
    .describe('Let TURN clients keep their allocations when their addresses change (RFC 8016)'),
  tcpAllocations: z
    .boolean({ error: 'true or false' })
    .default(true)
    .describe('Let TURN clients over TCP and TLS reach peers by TCP (RFC 6062)'),
  alternateServers: listOf(checked(readEndpoint), 16)
    .default([])
    .describe(
      'Where new TURN clients are sent to instead, in turn, such as 192.0.2.7:3478 (300 Try Alternate)',
    ),
  redirect: z
    .enum(['draining', 'always'])
    .default('draining')
    .describe('When they are sent there: while this server drains, or always'),
  quota: z
    .strictObject({
      perUser: integer(1, 1_000_000)
        .default(128)
        .describe('Allocations of one user at the same time'),
      total: integer(1, 1_000_000).default(10_000).describe('Allocations at the same time'),
    })
    .prefault({})
    .describe('How many allocations there may be'),
  natDiscovery: checked(readNatDiscoveryUrl)
    .default('')
    .describe(
      'Alternate address of NAT behavior discovery (RFC 5780), another IP address and port; empty switches it off',
    ),
  limits: z
    .strictObject({
      unauthorizedPerSecond: integer(0, 1_000_000)
        .default(10)
        .describe(
          '401 answers and first flights of DTLS a second to one IPv4 address or IPv6 /64; 0 switches the cap off',
        ),
      allocationsPerSecond: integer(0, 1_000_000)
        .default(100)
        .describe('New allocations a second for one IPv4 address or IPv6 /64; 0 for any number'),
      permissions: integer(1, 65_536).default(1024).describe('Peer addresses of one allocation'),
      channels: integer(1, 16_384).default(1024).describe('Channels of one allocation'),
      bandwidth: z
        .strictObject({
          perAllocation: bandwidth.describe('Of one allocation'),
          perUser: bandwidth.describe('Of all allocations of one user'),
          total: bandwidth.describe('Of all allocations'),
        })
        .prefault({})
        .describe('Relayed bytes a second, both ways together; 0 for no limit'),
    })
    .prefault({})
    .describe('Bounds on what senders get, and on what one allocation may have'),
  lifetimes: z
    .strictObject({
      allocation: lifetime(86_400).default(600).describe('Of an allocation, unless asked for more'),
      allocationMax: lifetime(86_400).default(3600).describe('The most a client may ask for'),
      permission: lifetime(3600).default(300).describe('Of a permission (300 in RFC 8656)'),
      channel: lifetime(3600).default(600).describe('Of a channel binding (600 in RFC 8656)'),
      nonce: lifetime(86_400).default(3600).describe('Of a nonce'),
    })
    .prefault({})
    .describe('Seconds until things expire unless they are refreshed'),
});

const sfu = z.strictObject({
  enabled: z
    .boolean({ error: 'true or false' })
    .default(true)
    .describe('Forward media; when false, media of rooms goes from peer to peer'),
  addresses: listOf(mediaAddress, 16)
    .min(1, { error: 'at least one IP address of this machine' })
    .default(['127.0.0.1', '::1'])
    .describe('Where media is received; 0.0.0.0 or :: for every address'),
  port: integer(0, 65_535)
    .default(7882)
    .describe(
      'UDP port of all participants; further media workers take the ports behind it; 0 takes free ones',
    ),
  tcp: z
    .boolean({ error: 'true or false' })
    .default(true)
    .describe('Also receive media over TCP (ICE-TCP), for networks without UDP'),
  tcpPort: integer(0, 65_535).default(7881).describe('TCP port of media; 0 takes a free one'),
  announce: listOf(announcedAddress, 16)
    .default([])
    .describe(
      'Addresses that clients are told instead of sfu.addresses, such as the public one of a NAT',
    ),
  maxTransports: integer(1, 100_000)
    .default(2000)
    .describe('Participants that one media worker takes'),
  participantsPerWorker: integer(1, 100_000)
    .default(100)
    .describe('Of one room; who comes when there are so many is given to another media worker'),
  loudest: integer(0, 16)
    .default(3)
    .describe(
      'Microphones of a room that are forwarded, the loudest, and those that somebody has pinned; 0 for all',
    ),
});

export const settingsSchema = z.strictObject({
  bind: address
    .default('127.0.0.1')
    .describe('Address of the gateway and signaling; 0.0.0.0 or :: for every address'),
  engine: z
    .enum(['auto', 'linux', 'portable'])
    .default('auto')
    .describe('How media moves: in batches on Linux, or by node:dgram; auto tries the first'),
  workers: integer(0, 32)
    .default(0)
    .describe('Media workers; 0 is one less than there are CPUs, and at least one'),
  workerCpus: checked(readCpuList)
    .default('')
    .describe('CPUs that the media workers are pinned to in turn, such as 1-3; empty pins none'),
  mainCpus: checked(readCpuList)
    .default('')
    .describe('CPUs that the main thread (HTTP, signaling) is kept on, such as 0; empty for any'),
  gateway: gateway.prefault({}).describe('The HTTP server'),
  signaling: signaling.prefault({}).describe('The WebSocket at /v1/signal'),
  rooms: rooms.prefault({}).describe('Defaults of rooms'),
  keys: z
    .record(keyName, text(API_SECRET_MIN, 512, 'a secret'))
    .default({})
    .describe(
      `API keys: name and HS256 secret of at least ${API_SECRET_MIN} characters; they sign join tokens`,
    ),
  sfu: sfu.prefault({}).describe('The SFU: media of meetings'),
  turn: turn.prefault({}).describe('The STUN and TURN server'),
  redis: redis.prefault({}).describe('What the nodes of a cluster share'),
  webhooks: webhooks.prefault({}).describe('Who is told what happens in rooms'),
  audit: audit.prefault({}).describe('Who did what, in a file that shows when it was changed'),
  drain: z
    .strictObject({
      timeout: integer(0, 86_400)
        .default(0)
        .describe(
          'Seconds that SIGTERM waits for participants and allocations to end, with nobody new; 0 ends them',
        ),
    })
    .prefault({})
    .describe('How the server stops'),
  log: z
    .strictObject({
      level: z
        .enum([...LOG_LEVELS, 'silent'])
        .default('info')
        .describe('The least that is logged'),
      format: z.enum(['json', 'pretty']).default('json').describe('Lines for machines or people'),
    })
    .prefault({})
    .describe('The log on standard output'),
});

/** What the keys say, defaults filled in. */
export type Settings = z.output<typeof settingsSchema>;

/** The JSON Schema (draft 7, what YAML editors read) of a configuration file. */
export function settingsJsonSchema(): object {
  const schema = z.toJSONSchema(settingsSchema, { target: 'draft-07', io: 'input' });
  return { ...schema, title: 'Sterna configuration' };
}
