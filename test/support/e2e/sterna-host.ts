// `sterna serve` with an API key, as pages that load the SDK alone see it: tokens are minted by the test.

import { mintToken } from '../../../signaling/index.ts';
import type { TokenOptions } from '../mini-server.ts';
import type { SdkHost } from '../sdk-page.ts';
import { API_KEY, Sterna } from './sterna.ts';

export interface SternaHost extends SdkHost {
  readonly sterna: Sterna;
}

export interface HostOptions {
  /** Of the gateway, when it must be a certain one. */
  port?: number;
  /** Where media is received. */
  media?: string;
  /** Media workers; by default as many as the machine is for. */
  workers?: number;
  /** Of one room, before the next one is given to another media worker. */
  participantsPerWorker?: number;
  nodeFlags?: readonly string[];
  /** What it shares with other nodes. */
  redis?: { readonly url: string; readonly lease: number };
}

/** On loopback, where nothing else is said. */
export async function startHost({
  port = 0,
  media = '127.0.0.1',
  workers = 0,
  participantsPerWorker,
  nodeFlags = [],
  redis,
}: HostOptions = {}): Promise<SternaHost> {
  const sterna = await Sterna.start({
    nodeFlags,
    config: {
      gateway: { port },
      workers,
      turn: {
        listeners: ['udp://127.0.0.1:0'],
        secrets: ['a secret for tests, long enough to be one'],
        peers: { allow: ['127.0.0.0/8'] },
        relay: { addresses: ['127.0.0.1'] },
      },
      sfu: {
        addresses: [media],
        ...(participantsPerWorker === undefined ? {} : { participantsPerWorker }),
      },
      ...(redis === undefined ? {} : { redis }),
    },
  });
  return {
    sterna,
    url: sterna.url,
    token: ({
      identity = 'somebody',
      name = identity,
      room = 'r',
      grants,
      ttlSeconds = 600,
    }: TokenOptions = {}) =>
      mintToken({
        key: API_KEY.name,
        secret: API_KEY.secret,
        identity,
        name,
        grants: { room, roomJoin: true, ...grants },
        ttlSeconds,
      }),
  };
}
