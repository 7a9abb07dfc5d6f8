// What others know of a participant: identity, metadata, attributes, state, and a version that rises.
// Called by: rooms, sessions, the attrs handler.
// Allocates: its JSON once per version, shared by everybody who is told.

import { LIMITS } from './protocol.ts';
import type { ModMessage, ParticipantInfo, Permissions, TrackInfo } from './protocol.ts';
import { refusal } from './refusal.ts';
import type { Refusal } from './refusal.ts';

export interface ParticipantOptions {
  sid: string;
  identity: string;
  name: string;
  /** Unix time, milliseconds. */
  joinedAt: number;
  perm: Permissions;
}

/** A merge patch: `null` deletes an attribute, absent fields stay. */
export interface ParticipantPatch {
  attrs?: Readonly<Record<string, string | null>> | undefined;
  meta?: string | undefined;
}

export class Participant {
  readonly sid: string;
  readonly identity: string;
  readonly name: string;
  readonly joinedAt: number;
  #perm: Readonly<Permissions>;
  #v = 1;
  #state: ParticipantInfo['state'] = 'active';
  #meta = '';
  /** A Map, because names are the sender's: no name of it can reach a prototype. */
  #attrs: ReadonlyMap<string, string> = new Map();
  #tracks: readonly TrackInfo[] = [];
  #json: string | undefined = undefined;

  constructor(options: ParticipantOptions) {
    this.sid = options.sid;
    this.identity = options.identity;
    this.name = options.name;
    this.joinedAt = options.joinedAt;
    this.#perm = options.perm;
  }

  get perm(): Readonly<Permissions> {
    return this.#perm;
  }

  /** Returns whether that changed anything. */
  permit(perm: NonNullable<ModMessage['perm']>): boolean {
    const { canPublish, canSubscribe, canPublishData } = this.#perm;
    const next = {
      ...this.#perm,
      canPublish: perm.canPublish ?? canPublish,
      canSubscribe: perm.canSubscribe ?? canSubscribe,
      canPublishData: perm.canPublishData ?? canPublishData,
    };
    if (JSON.stringify(next) === JSON.stringify(this.#perm)) return false;
    this.#perm = next;
    this.#changed();
    return true;
  }

  /** Returns whether that changed anything. */
  setTracks(tracks: readonly TrackInfo[]): boolean {
    if (JSON.stringify(tracks) === JSON.stringify(this.#tracks)) return false;
    this.#tracks = tracks;
    this.#changed();
    return true;
  }

  get state(): ParticipantInfo['state'] {
    return this.#state;
  }

  /** Returns whether that changed anything. */
  setState(state: ParticipantInfo['state']): boolean {
    if (state === this.#state) return false;
    this.#state = state;
    this.#changed();
    return true;
  }

  /** Applies all of it or, when a bound would be crossed, nothing: TOO_LARGE. */
  patch(patch: ParticipantPatch): Refusal | null {
    const { meta } = patch;
    if (meta !== undefined && Buffer.byteLength(meta) > LIMITS.metaBytes) {
      return refusal('TOO_LARGE', `meta: expected at most ${LIMITS.metaBytes} bytes of UTF-8`);
    }
    if (patch.attrs !== undefined) {
      const attrs = merge(this.#attrs, patch.attrs);
      const bytes = attributeBytes(attrs);
      if (attrs.size > LIMITS.attrsCount) {
        return refusal('TOO_LARGE', `attrs: expected at most ${LIMITS.attrsCount} in all`);
      }
      if (bytes > LIMITS.attrsBytes) {
        return refusal('TOO_LARGE', `attrs: expected at most ${LIMITS.attrsBytes} bytes in all`);
      }
      this.#attrs = attrs;
    }
    if (meta !== undefined) this.#meta = meta;
    this.#changed();
    return null;
  }

  info(): ParticipantInfo {
    return {
      sid: this.sid,
      identity: this.identity,
      name: this.name,
      v: this.#v,
      state: this.#state,
      joinedAt: this.joinedAt,
      meta: this.#meta,
      attrs: Object.fromEntries(this.#attrs),
      perm: this.#perm,
      tracks: [...this.#tracks],
    };
  }

  /** `info()` as JSON. */
  get json(): string {
    this.#json ??= JSON.stringify(this.info());
    return this.#json;
  }

  #changed(): void {
    this.#v++;
    this.#json = undefined;
  }
}

function merge(
  attrs: ReadonlyMap<string, string>,
  patch: Readonly<Record<string, string | null>>,
): ReadonlyMap<string, string> {
  const merged = new Map(attrs);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, value);
  }
  return merged;
}

function attributeBytes(attrs: ReadonlyMap<string, string>): number {
  let bytes = 0;
  for (const [name, value] of attrs) bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
  return bytes;
}
