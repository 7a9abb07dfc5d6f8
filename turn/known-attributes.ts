// Which comprehension-required attributes the server understands; any other is answered 420 (RFC 8489 s6.3.1).

import {
  ATTR_ACCESS_TOKEN,
  ATTR_CHANGE_REQUEST,
  ATTR_CHANNEL_NUMBER,
  ATTR_DATA,
  ATTR_DONT_FRAGMENT,
  ATTR_ERROR_CODE,
  ATTR_EVEN_PORT,
  ATTR_LIFETIME,
  ATTR_MAPPED_ADDRESS,
  ATTR_MESSAGE_INTEGRITY,
  ATTR_MESSAGE_INTEGRITY_SHA256,
  ATTR_NONCE,
  ATTR_PADDING,
  ATTR_PASSWORD_ALGORITHM,
  ATTR_REALM,
  ATTR_REQUESTED_ADDRESS_FAMILY,
  ATTR_REQUESTED_TRANSPORT,
  ATTR_RESERVATION_TOKEN,
  ATTR_RESPONSE_PORT,
  ATTR_UNKNOWN_ATTRIBUTES,
  ATTR_USERHASH,
  ATTR_USERNAME,
  ATTR_XOR_MAPPED_ADDRESS,
  ATTR_XOR_PEER_ADDRESS,
  ATTR_XOR_RELAYED_ADDRESS,
  ERROR_UNKNOWN_ATTRIBUTE,
  knownAttributes,
} from '../shared/stun/registry.ts';
import type { StunReader } from '../shared/stun/reader.ts';
import type { Exchange } from './exchange.ts';
import type { TurnState } from './turn-state.ts';

/** Unknown attributes named in a 420; more would only make the answer larger. */
const UNKNOWN_ATTRIBUTES_MAX = 16;

/** RFC 8489 s14: understood everywhere, even where it has no meaning and is ignored. */
const BASE = [
  ATTR_MAPPED_ADDRESS,
  ATTR_USERNAME,
  ATTR_MESSAGE_INTEGRITY,
  ATTR_ERROR_CODE,
  ATTR_UNKNOWN_ATTRIBUTES,
  ATTR_REALM,
  ATTR_NONCE,
  ATTR_MESSAGE_INTEGRITY_SHA256,
  ATTR_PASSWORD_ALGORITHM,
  ATTR_USERHASH,
  ATTR_XOR_MAPPED_ADDRESS,
];

/** RFC 8656 s18. */
const TURN = [
  ATTR_CHANNEL_NUMBER,
  ATTR_LIFETIME,
  ATTR_XOR_PEER_ADDRESS,
  ATTR_DATA,
  ATTR_XOR_RELAYED_ADDRESS,
  ATTR_REQUESTED_ADDRESS_FAMILY,
  ATTR_EVEN_PORT,
  ATTR_REQUESTED_TRANSPORT,
  ATTR_RESERVATION_TOKEN,
];

export const knownToBinding: Uint8Array = knownAttributes(BASE);

/** RFC 5780 s7. */
export const knownToNatDiscovery: Uint8Array = knownAttributes([
  ...BASE,
  ATTR_CHANGE_REQUEST,
  ATTR_PADDING,
  ATTR_RESPONSE_PORT,
]);

/**
 * RFC 8656 s7.2 step 4: without DF, DONT-FRAGMENT counts as unknown. RFC 7635 s7: so does ACCESS-TOKEN where
 * THIRD-PARTY-AUTHORIZATION is never sent.
 */
export function knownToTurn(canSetDontFragment: boolean, takesTokens: boolean): Uint8Array {
  return knownAttributes([
    ...BASE,
    ...TURN,
    ...(canSetDontFragment ? [ATTR_DONT_FRAGMENT] : []),
    ...(takesTokens ? [ATTR_ACCESS_TOKEN] : []),
  ]);
}

const unknown = new Uint16Array(UNKNOWN_ATTRIBUTES_MAX);

/** Whether the message has an attribute that must be understood and is not in `known`. Allocates: nothing. */
export function hasUnknown(reader: StunReader, known: Uint8Array): boolean {
  return reader.collectUnknown(known, unknown) > 0;
}

/** Answers 420 when there is one, and says whether it did. */
export function refuseUnknown(
  { responder }: TurnState,
  exchange: Exchange,
  known: Uint8Array,
): boolean {
  const count = exchange.reader.collectUnknown(known, unknown);
  if (count === 0) return false;
  responder.beginError(exchange, ERROR_UNKNOWN_ATTRIBUTE).unknownAttributes(unknown, count);
  responder.send(exchange);
  return true;
}
