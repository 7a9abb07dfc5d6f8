// What a join says of this client, whatever it publishes. Called by: room.ts.

import type { JoinMessage } from '../signaling/protocol.ts';
import { SDK_NAME, SDK_VERSION } from './version.ts';

/** `layers`: encodings that nobody wants are left out when the server says so. */
const CAPABILITIES = ['layers'];

export function joinBody(
  attributes: Readonly<Record<string, string>>,
  metadata: string | undefined,
): Pick<JoinMessage, 'client' | 'caps' | 'attrs' | 'meta'> {
  return {
    client: { sdk: SDK_NAME, ver: SDK_VERSION, ua: navigator.userAgent.slice(0, 512) },
    caps: CAPABILITIES,
    attrs: { ...attributes },
    ...(metadata === undefined ? {} : { meta: metadata }),
  };
}
