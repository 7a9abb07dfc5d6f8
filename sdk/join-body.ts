// What every join says beside who joins and what it sends. Called by: room.ts.

import type { JoinMessage } from '../signaling/protocol.ts';
import type { JoinOptions } from './join-options.ts';
import { SDK_NAME, SDK_VERSION } from './version.ts';

export function joinBody(
  { peerToPeer = true, relayOnly = false }: JoinOptions,
  attrs: Readonly<Record<string, string>>,
  meta: string | undefined,
): Pick<JoinMessage, 'client' | 'caps' | 'attrs' | 'meta'> {
  return {
    client: { sdk: SDK_NAME, ver: SDK_VERSION, ua: navigator.userAgent.slice(0, 512) },
    // Whoever hides its addresses from the other participants does so here as well.
    caps: peerToPeer && !relayOnly ? ['p2p'] : [],
    attrs: { ...attrs },
    ...(meta === undefined ? {} : { meta }),
  };
}
