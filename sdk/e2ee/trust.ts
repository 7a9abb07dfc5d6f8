// Which key is whose: what the application has pinned, and what was seen first under a name. Outlives sessions, so that
// who comes back is the same. Owned by room-crypto.ts.

import type { E2eeOptions } from '../encryption.ts';
import { IDENTITIES_MAX } from './limits.ts';

/** `verified`: the application knows the key; `seen`: nothing speaks against it; `changed`: it is refused. */
export type Verdict = 'verified' | 'seen' | 'changed';

export class Trust {
  readonly #trusted: E2eeOptions['trusted'];
  readonly #seen = new Map<string, string>();

  constructor(trusted: E2eeOptions['trusted']) {
    this.#trusted = trusted;
  }

  judge(identity: string, fingerprint: string): Verdict {
    const pinned = this.#ask(identity, fingerprint);
    if (pinned !== undefined) return pinned ? 'verified' : 'changed';
    const seen = this.#seen.get(identity);
    if (seen !== undefined) return seen === fingerprint ? 'seen' : 'changed';
    if (this.#seen.size >= IDENTITIES_MAX) return 'changed';
    this.#seen.set(identity, fingerprint);
    return 'seen';
  }

  /** Undefined when the application has said nothing of this identity. */
  #ask(identity: string, fingerprint: string): boolean | undefined {
    const trusted = this.#trusted;
    if (!trusted) return undefined;
    if (typeof trusted === 'function') return trusted(identity, fingerprint);
    const pinned = Object.hasOwn(trusted, identity) ? trusted[identity] : undefined;
    return pinned === undefined ? undefined : pinned.toLowerCase() === fingerprint;
  }
}
