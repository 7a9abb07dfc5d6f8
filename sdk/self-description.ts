// What this participant says of itself: what it can, attributes and metadata, kept so that each `join` can say them
// again. Owned by room.ts.

import type { AttrsMessage, JoinMessage, ParticipantInfo } from '../signaling/protocol.ts';
import type { JoinOptions } from './join-options.ts';
import { SDK_NAME, SDK_VERSION } from './version.ts';

/** `layers`: encodings that nobody wants are left out when the server says so. */
const CAPABILITIES = ['layers'];

type Change = Omit<AttrsMessage, 'i'>;

export class SelfDescription {
  readonly #attributes: Record<string, string>;
  readonly #caps: readonly string[];
  readonly #userAgent: string;
  #metadata: string | undefined;

  /** @param own what the SDK says of itself */
  constructor(
    own: Readonly<Record<string, string>>,
    { attributes, metadata, peerToPeer = true, relayOnly = false }: JoinOptions,
    userAgent: string = navigator.userAgent,
  ) {
    this.#userAgent = userAgent.slice(0, 512);
    this.#attributes = { ...attributes, ...own };
    this.#metadata = metadata;
    // Whoever hides its addresses from the other participants does so here as well.
    this.#caps = peerToPeer && !relayOnly ? [...CAPABILITIES, 'p2p'] : CAPABILITIES;
  }

  /** `null` deletes. Returns what the server is told. */
  patch(patch: Readonly<Record<string, string | null>>): Change {
    for (const [name, value] of Object.entries(patch)) {
      if (value === null) delete this.#attributes[name];
      else this.#attributes[name] = value;
    }
    return { type: 'attrs', attrs: { ...patch } };
  }

  /** A session that another page began: says there what this one was told to say. Null: that is said already. */
  adopt({ attrs, meta }: ParticipantInfo): Change | null {
    const news = Object.entries(this.#attributes).filter(([name, value]) => attrs[name] !== value);
    Object.assign(this.#attributes, { ...attrs, ...this.#attributes });
    this.#metadata ??= meta;
    if (news.length === 0 && this.#metadata === meta) return null;
    return { type: 'attrs', attrs: Object.fromEntries(news), meta: this.#metadata };
  }

  setMetadata(metadata: string): Change {
    this.#metadata = metadata;
    return { type: 'attrs', meta: metadata };
  }

  joinBody(): Pick<JoinMessage, 'client' | 'caps' | 'attrs' | 'meta'> {
    return {
      client: { sdk: SDK_NAME, ver: SDK_VERSION, ua: this.#userAgent },
      caps: [...this.#caps],
      attrs: { ...this.#attributes },
      ...(this.#metadata === undefined ? {} : { meta: this.#metadata }),
    };
  }
}
