// What the signaling connection of a room is made with. Called by: room.ts.

import type { JoinOptions } from './join-options.ts';
import { RECONNECT_FOR_MS } from './limits.ts';
import type { MediaSetup } from './media-setup.ts';
import type { PageLife } from './page-life.ts';
import type { SelfDescription } from './self-description.ts';
import type { SignalOptions } from './signal-connection.ts';
import { Tokens } from './tokens.ts';

export function signalOptions(
  { url, options }: { readonly url: string; readonly options: JoinOptions },
  media: MediaSetup,
  page: PageLife,
  description: SelfDescription,
): SignalOptions {
  const tokens = new Tokens(options, () => media.begin());
  return {
    url,
    token: (signal) => tokens.take(signal),
    findSession: async (signal) => {
      const mark = await page.find(() => tokens.peek(signal));
      if (mark) media.begin();
      return mark;
    },
    tokenRenews: tokens.renew,
    reconnectForMs: options.reconnectForMs ?? RECONNECT_FOR_MS,
    joinBody: () => description.joinBody(),
    joinOffer: (token) => media.joinOffer(token),
    openSocket: (address, protocol) => new WebSocket(address, protocol),
    now: () => Date.now(),
    random: () => Math.random(),
  };
}
