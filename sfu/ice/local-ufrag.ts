// Which of our sessions a connectivity check is for, by its USERNAME alone (RFC 8445 s7.2.2): where to route it, before
// anybody has checked that it is authentic. Called by: who accepts TCP connections. Allocates: the fragment.

import { STUN_OK, StunReader } from '../../shared/stun/reader.ts';
import { ATTR_USERNAME, CLASS_REQUEST, METHOD_BINDING } from '../../shared/stun/registry.ts';
import { LOCAL_UFRAG_CHARS } from './credentials.ts';

const reader = new StunReader();

/** Undefined for what is no check, or none that could be for us. */
export function localUfragOf(
  bytes: Uint8Array,
  offset: number,
  length: number,
): string | undefined {
  if (reader.read(bytes, offset, length) !== STUN_OK) return undefined;
  if (reader.method !== METHOD_BINDING || reader.messageClass !== CLASS_REQUEST) return undefined;
  const at = reader.find(ATTR_USERNAME);
  if (at < 0 || reader.lengthAt(at) <= LOCAL_UFRAG_CHARS) return undefined;
  const [ufrag] = (reader.text(at) ?? '').split(':', 1);
  return ufrag?.length === LOCAL_UFRAG_CHARS ? ufrag : undefined;
}
