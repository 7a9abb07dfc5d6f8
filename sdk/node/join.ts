// The way in for bots: checks the options, and resolves with the Room.

import { signalUrl } from '../signal-url.ts';
import type { JoinOptions } from './join-options.ts';
import { Room } from './room.ts';

/**
 * Joins the room that the token names. `url` is the server's address: `http(s)://host` or `ws(s)://host`. Resolves when
 * the server has let us in; rejects with SternaClientError, or with TypeError for options that cannot work.
 */
export async function join(url: string | URL, options: JoinOptions): Promise<Room> {
  const address = signalUrl(url);
  if (!options.token && !options.tokenProvider) {
    throw new TypeError('Expected options.token or options.tokenProvider');
  }
  return Room.open(address, options);
}
