// The way in: checks the options, warms what can be warmed while the socket opens, and resolves with the
// Room.

import { loadCrypto } from './encryption.ts';
import { SternaClientError } from './errors.ts';
import type { JoinOptions } from './join-options.ts';
import { takePreparation } from './prepare.ts';
import { Room } from './room.ts';
import { signalUrl } from './signal-url.ts';

/**
 * Joins the room that the token names. `url` is the server's address: `http(s)://host` or `ws(s)://host`;
 * the path of the signaling endpoint is added. Resolves when the server has let us in and, where media goes
 * through it, that is connected or has taken `mediaTimeoutMs`; rejects with SternaClientError, or with TypeError for
 * options that cannot work.
 */
export async function join(url: string | URL, options: JoinOptions): Promise<Room> {
  const address = signalUrl(url);
  if (!options.token && !options.tokenProvider) {
    throw new TypeError('Expected options.token or options.tokenProvider');
  }
  if (typeof RTCPeerConnection === 'undefined') throw new SternaClientError('UNSUPPORTED');
  const { e2ee, video } = options;
  const crypto = e2ee ? await loadCrypto(e2ee, video) : null;
  return Room.open({ url: address, options, preparation: takePreparation(), crypto });
}
