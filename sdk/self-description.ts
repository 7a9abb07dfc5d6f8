// What this participant says of itself: attributes and metadata, kept so that each `join` can say them again.
// Owned by room.ts.

import type { AttrsMessage, JoinMessage } from '../signaling/protocol.ts';
import { SDK_NAME, SDK_VERSION } from './version.ts';

/** `layers`: encodings that nobody wants are left out when the server says so. */
const CAPABILITIES = ['layers'];

type Change = Omit<AttrsMessage, 'i'>;

export class SelfDescription {
  readonly #attributes: Record<string, string>;
  #metadata: string | undefined;

  constructor(attributes: Record<string, string>, metadata: string | undefined) {
    this.#attributes = attributes;
    this.#metadata = metadata;
  }

  /** `null` deletes. Returns what the server is told. */
  patch(patch: Readonly<Record<string, string | null>>): Change {
    for (const [name, value] of Object.entries(patch)) {
      if (value === null) delete this.#attributes[name];
      else this.#attributes[name] = value;
    }
    return { type: 'attrs', attrs: { ...patch } };
  }

  setMetadata(metadata: string): Change {
    this.#metadata = metadata;
    return { type: 'attrs', meta: metadata };
  }

  joinBody(): Pick<JoinMessage, 'client' | 'caps' | 'attrs' | 'meta'> {
    return {
      client: { sdk: SDK_NAME, ver: SDK_VERSION, ua: navigator.userAgent.slice(0, 512) },
      caps: CAPABILITIES,
      attrs: { ...this.#attributes },
      ...(this.#metadata === undefined ? {} : { meta: this.#metadata }),
    };
  }
}
