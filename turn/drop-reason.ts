// Why a datagram got no answer or was not relayed: one counter a reason, exported as metrics, never logged per packet.

export const DROP_NOT_STUN = 0;
export const DROP_BAD_FINGERPRINT = 1;
/** A response, a Binding or Data indication, or a method that no STUN server takes. */
export const DROP_UNEXPECTED = 2;
export const DROP_NO_ALLOCATION = 3;
export const DROP_NO_PERMISSION = 4;
export const DROP_NO_CHANNEL = 5;
/** ChannelData that claims more than the datagram holds, or a Send indication without what it must have. */
export const DROP_MALFORMED = 6;
export const DROP_FORBIDDEN_PEER = 7;
/** The reply to an unauthenticated request, over the cap of its source network. */
export const DROP_UNAUTHENTICATED_CAP = 8;
/** A retransmission of a request that is still being worked on. */
export const DROP_IN_PROGRESS = 9;
/** The data would not fit into a datagram, towards the client or the peer. */
export const DROP_TOO_LARGE = 10;
/** The worker that has the relay it goes to, or the client it is from, takes no more for now. */
export const DROP_NEIGHBOUR_BUSY = 11;
/** Too many requests wait for what user sources say of their users. */
export const DROP_USER_LOOKUPS = 12;
/** Data for a client that does not read its stream. */
export const DROP_SLOW_READER = 13;
/** Over a limit on bandwidth: of the allocation, of its user, or of all. */
export const DROP_BANDWIDTH = 14;
/** From a peer that several allocations of a shared relay port may hear of, and none has sent to. */
export const DROP_AMBIGUOUS_PEER = 15;
/** To a peer that another allocation of the shared relay port has, or one more than an allocation may have there. */
export const DROP_PEER_TAKEN = 16;

export const DROP_REASONS = [
  'not-stun',
  'bad-fingerprint',
  'unexpected',
  'no-allocation',
  'no-permission',
  'no-channel',
  'malformed',
  'forbidden-peer',
  'unauthenticated-cap',
  'in-progress',
  'too-large',
  'neighbour-busy',
  'user-lookups',
  'slow-reader',
  'bandwidth',
  'ambiguous-peer',
  'peer-taken',
] as const;

export type DropReason = (typeof DROP_REASONS)[number];
