// Whether a TURN server's answers let a client in: success that only an authenticated request meets with, such as an
// allocation. Called by: TurnStreamsHost, for connections that nothing of the kind was said on yet.

import { CLASS_SUCCESS, classOf, METHOD_BINDING, methodOf } from '../../shared/stun/registry.ts';

const STUN_HEADER_BYTES = 20;

/** RFC 8489 s5: the two most significant bits of a STUN message are 0; other bytes are ChannelData. */
const STUN_FIRST_BYTE_MAX = 0x3f;

/** @param bytes whole messages, as the server has sent them one after the other */
export function isClientAccepted(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at + STUN_HEADER_BYTES <= bytes.length && bytes[at]! <= STUN_FIRST_BYTE_MAX) {
    const type = view.getUint16(at);
    if (classOf(type) === CLASS_SUCCESS && methodOf(type) !== METHOD_BINDING) return true;
    at += STUN_HEADER_BYTES + view.getUint16(at + 2);
  }
  return false;
}
