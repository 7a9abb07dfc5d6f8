// The STUN registries as constants: methods, classes, attributes, error codes, password algorithms.
// RFC 8489 s18 and the registrations of RFC 8656, 5780, 6062, 8016, 8445 and 7635.
// Called by: everything that speaks STUN. Allocates: once, at load (`knownAttributes` a bitset per call).

/** RFC 8489 s5. */
export const MAGIC_COOKIE = 0x2112a442;
/** RFC 8489 s5. */
export const HEADER_BYTES = 20;
/** RFC 8489 s5: 96 bits. */
export const TRANSACTION_ID_BYTES = 12;
/** RFC 8489 s14: type and length before each value. */
export const ATTRIBUTE_HEADER_BYTES = 4;

export const METHOD_BINDING = 0x001; // RFC 8489 s18.2
export const METHOD_ALLOCATE = 0x003; // RFC 8656 s17
export const METHOD_REFRESH = 0x004; // RFC 8656 s17
export const METHOD_SEND = 0x006; // RFC 8656 s17
export const METHOD_DATA = 0x007; // RFC 8656 s17
export const METHOD_CREATE_PERMISSION = 0x008; // RFC 8656 s17
export const METHOD_CHANNEL_BIND = 0x009; // RFC 8656 s17
export const METHOD_CONNECT = 0x00a; // RFC 6062 s6.1
export const METHOD_CONNECTION_BIND = 0x00b; // RFC 6062 s6.1
export const METHOD_CONNECTION_ATTEMPT = 0x00c; // RFC 6062 s6.1

// RFC 8489 s5: the two class bits, C1 then C0.
export const CLASS_REQUEST = 0;
export const CLASS_INDICATION = 1;
export const CLASS_SUCCESS = 2;
export const CLASS_ERROR = 3;

/**
 * The 14-bit message type of a method (0..0xfff) and a class: C1 and C0 sit inside the method (RFC 8489
 * s5).
 */
export function messageType(method: number, messageClass: number): number {
  return (
    (method & 0x00f) |
    ((method & 0x070) << 1) |
    ((method & 0xf80) << 2) |
    ((messageClass & 1) << 4) |
    ((messageClass & 2) << 7)
  );
}

export function methodOf(type: number): number {
  return (type & 0x000f) | ((type >> 1) & 0x0070) | ((type >> 2) & 0x0f80);
}

export function classOf(type: number): number {
  return ((type >> 4) & 1) | ((type >> 7) & 2);
}

// Comprehension-required attributes: 0x0000-0x7fff (RFC 8489 s18.3).
export const ATTR_MAPPED_ADDRESS = 0x0001;
export const ATTR_CHANGE_REQUEST = 0x0003;
export const ATTR_USERNAME = 0x0006;
export const ATTR_MESSAGE_INTEGRITY = 0x0008;
export const ATTR_ERROR_CODE = 0x0009;
export const ATTR_UNKNOWN_ATTRIBUTES = 0x000a;
export const ATTR_CHANNEL_NUMBER = 0x000c;
export const ATTR_LIFETIME = 0x000d;
export const ATTR_XOR_PEER_ADDRESS = 0x0012;
export const ATTR_DATA = 0x0013;
export const ATTR_REALM = 0x0014;
export const ATTR_NONCE = 0x0015;
export const ATTR_XOR_RELAYED_ADDRESS = 0x0016;
export const ATTR_REQUESTED_ADDRESS_FAMILY = 0x0017;
export const ATTR_EVEN_PORT = 0x0018;
export const ATTR_REQUESTED_TRANSPORT = 0x0019;
export const ATTR_DONT_FRAGMENT = 0x001a;
export const ATTR_ACCESS_TOKEN = 0x001b;
export const ATTR_MESSAGE_INTEGRITY_SHA256 = 0x001c;
export const ATTR_PASSWORD_ALGORITHM = 0x001d;
export const ATTR_USERHASH = 0x001e;
export const ATTR_XOR_MAPPED_ADDRESS = 0x0020;
export const ATTR_RESERVATION_TOKEN = 0x0022;
export const ATTR_PRIORITY = 0x0024;
export const ATTR_USE_CANDIDATE = 0x0025;
export const ATTR_PADDING = 0x0026;
export const ATTR_RESPONSE_PORT = 0x0027;
export const ATTR_CONNECTION_ID = 0x002a;

// Comprehension-optional attributes: 0x8000-0xffff (RFC 8489 s18.3).
export const ATTR_ADDITIONAL_ADDRESS_FAMILY = 0x8000;
export const ATTR_ADDRESS_ERROR_CODE = 0x8001;
export const ATTR_PASSWORD_ALGORITHMS = 0x8002;
export const ATTR_ALTERNATE_DOMAIN = 0x8003;
export const ATTR_ICMP = 0x8004;
export const ATTR_SOFTWARE = 0x8022;
export const ATTR_ALTERNATE_SERVER = 0x8023;
export const ATTR_CACHE_TIMEOUT = 0x8027;
export const ATTR_FINGERPRINT = 0x8028;
export const ATTR_ICE_CONTROLLED = 0x8029;
export const ATTR_ICE_CONTROLLING = 0x802a;
export const ATTR_RESPONSE_ORIGIN = 0x802b;
export const ATTR_OTHER_ADDRESS = 0x802c;
export const ATTR_THIRD_PARTY_AUTHORIZATION = 0x802e;
export const ATTR_MOBILITY_TICKET = 0x8030;

/**
 * How the value of an attribute is laid out; `u8` and `u16` are followed by reserved zeros up to 4 bytes.
 */
export type AttributeKind =
  | 'address'
  | 'xor-address'
  | 'flag'
  | 'octet'
  | 'u8'
  | 'u16'
  | 'u32'
  | 'u64'
  | 'text'
  | 'bytes'
  | 'error-code'
  | 'address-error-code'
  | 'icmp'
  | 'unknown-attributes'
  | 'password-algorithm'
  | 'password-algorithms'
  | 'message-integrity'
  | 'message-integrity-sha256'
  | 'fingerprint';

export interface StunAttribute {
  readonly type: number;
  readonly name: string;
  readonly kind: AttributeKind;
  /** Where the value is defined. */
  readonly section: string;
}

function attribute(
  type: number,
  name: string,
  kind: AttributeKind,
  section: string,
): StunAttribute {
  return { type, name, kind, section };
}

/** Every attribute of RFC 8489, 8656, 5780, 6062, 8016, 8445 and 7635, in the order of their types. */
export const ATTRIBUTES: readonly StunAttribute[] = [
  attribute(ATTR_MAPPED_ADDRESS, 'MAPPED-ADDRESS', 'address', 'RFC 8489 s14.1'),
  attribute(ATTR_CHANGE_REQUEST, 'CHANGE-REQUEST', 'u32', 'RFC 5780 s7.2'),
  attribute(ATTR_USERNAME, 'USERNAME', 'text', 'RFC 8489 s14.3'),
  attribute(ATTR_MESSAGE_INTEGRITY, 'MESSAGE-INTEGRITY', 'message-integrity', 'RFC 8489 s14.5'),
  attribute(ATTR_ERROR_CODE, 'ERROR-CODE', 'error-code', 'RFC 8489 s14.8'),
  attribute(ATTR_UNKNOWN_ATTRIBUTES, 'UNKNOWN-ATTRIBUTES', 'unknown-attributes', 'RFC 8489 s14.13'),
  attribute(ATTR_CHANNEL_NUMBER, 'CHANNEL-NUMBER', 'u16', 'RFC 8656 s18.1'),
  attribute(ATTR_LIFETIME, 'LIFETIME', 'u32', 'RFC 8656 s18.2'),
  attribute(ATTR_XOR_PEER_ADDRESS, 'XOR-PEER-ADDRESS', 'xor-address', 'RFC 8656 s18.3'),
  attribute(ATTR_DATA, 'DATA', 'bytes', 'RFC 8656 s18.4'),
  attribute(ATTR_REALM, 'REALM', 'text', 'RFC 8489 s14.9'),
  attribute(ATTR_NONCE, 'NONCE', 'text', 'RFC 8489 s14.10'),
  attribute(ATTR_XOR_RELAYED_ADDRESS, 'XOR-RELAYED-ADDRESS', 'xor-address', 'RFC 8656 s18.5'),
  attribute(ATTR_REQUESTED_ADDRESS_FAMILY, 'REQUESTED-ADDRESS-FAMILY', 'u8', 'RFC 8656 s18.6'),
  attribute(ATTR_EVEN_PORT, 'EVEN-PORT', 'octet', 'RFC 8656 s18.7'),
  attribute(ATTR_REQUESTED_TRANSPORT, 'REQUESTED-TRANSPORT', 'u8', 'RFC 8656 s18.8'),
  attribute(ATTR_DONT_FRAGMENT, 'DONT-FRAGMENT', 'flag', 'RFC 8656 s18.9'),
  attribute(ATTR_ACCESS_TOKEN, 'ACCESS-TOKEN', 'bytes', 'RFC 7635 s6.2'),
  attribute(
    ATTR_MESSAGE_INTEGRITY_SHA256,
    'MESSAGE-INTEGRITY-SHA256',
    'message-integrity-sha256',
    'RFC 8489 s14.6',
  ),
  attribute(ATTR_PASSWORD_ALGORITHM, 'PASSWORD-ALGORITHM', 'password-algorithm', 'RFC 8489 s14.12'),
  attribute(ATTR_USERHASH, 'USERHASH', 'bytes', 'RFC 8489 s14.4'),
  attribute(ATTR_XOR_MAPPED_ADDRESS, 'XOR-MAPPED-ADDRESS', 'xor-address', 'RFC 8489 s14.2'),
  attribute(ATTR_RESERVATION_TOKEN, 'RESERVATION-TOKEN', 'u64', 'RFC 8656 s18.10'),
  attribute(ATTR_PRIORITY, 'PRIORITY', 'u32', 'RFC 8445 s16.1'),
  attribute(ATTR_USE_CANDIDATE, 'USE-CANDIDATE', 'flag', 'RFC 8445 s16.1'),
  attribute(ATTR_PADDING, 'PADDING', 'bytes', 'RFC 5780 s7.6'),
  attribute(ATTR_RESPONSE_PORT, 'RESPONSE-PORT', 'u16', 'RFC 5780 s7.5'),
  attribute(ATTR_CONNECTION_ID, 'CONNECTION-ID', 'u32', 'RFC 6062 s6.2.1'),
  attribute(ATTR_ADDITIONAL_ADDRESS_FAMILY, 'ADDITIONAL-ADDRESS-FAMILY', 'u8', 'RFC 8656 s18.11'),
  attribute(ATTR_ADDRESS_ERROR_CODE, 'ADDRESS-ERROR-CODE', 'address-error-code', 'RFC 8656 s18.12'),
  attribute(
    ATTR_PASSWORD_ALGORITHMS,
    'PASSWORD-ALGORITHMS',
    'password-algorithms',
    'RFC 8489 s14.11',
  ),
  attribute(ATTR_ALTERNATE_DOMAIN, 'ALTERNATE-DOMAIN', 'text', 'RFC 8489 s14.16'),
  attribute(ATTR_ICMP, 'ICMP', 'icmp', 'RFC 8656 s18.13'),
  attribute(ATTR_SOFTWARE, 'SOFTWARE', 'text', 'RFC 8489 s14.14'),
  attribute(ATTR_ALTERNATE_SERVER, 'ALTERNATE-SERVER', 'address', 'RFC 8489 s14.15'),
  attribute(ATTR_CACHE_TIMEOUT, 'CACHE-TIMEOUT', 'u32', 'RFC 5780 s9.1'),
  attribute(ATTR_FINGERPRINT, 'FINGERPRINT', 'fingerprint', 'RFC 8489 s14.7'),
  attribute(ATTR_ICE_CONTROLLED, 'ICE-CONTROLLED', 'u64', 'RFC 8445 s16.1'),
  attribute(ATTR_ICE_CONTROLLING, 'ICE-CONTROLLING', 'u64', 'RFC 8445 s16.1'),
  attribute(ATTR_RESPONSE_ORIGIN, 'RESPONSE-ORIGIN', 'address', 'RFC 5780 s7.3'),
  attribute(ATTR_OTHER_ADDRESS, 'OTHER-ADDRESS', 'address', 'RFC 5780 s7.4'),
  attribute(ATTR_THIRD_PARTY_AUTHORIZATION, 'THIRD-PARTY-AUTHORIZATION', 'text', 'RFC 7635 s6.1'),
  attribute(ATTR_MOBILITY_TICKET, 'MOBILITY-TICKET', 'bytes', 'RFC 8016 s3.3'),
];

/** Whether an agent that does not know the attribute may ignore it (RFC 8489 s14). */
export function isComprehensionOptional(type: number): boolean {
  return type >= 0x8000;
}

/** A bitset over 0x0000..0x7fff of the comprehension-required attributes an agent understands. */
export function knownAttributes(types: readonly number[]): Uint8Array {
  const known = new Uint8Array(0x8000 >> 3);
  for (const type of types) {
    if (!isComprehensionOptional(type))
      known[type >> 3] = (known[type >> 3] ?? 0) | (1 << (type & 7));
  }
  return known;
}

export const ERROR_TRY_ALTERNATE = 300; // RFC 8489 s14.8
export const ERROR_BAD_REQUEST = 400; // RFC 8489 s14.8
export const ERROR_UNAUTHENTICATED = 401; // RFC 8489 s14.8
export const ERROR_FORBIDDEN = 403; // RFC 8656 s19
export const ERROR_MOBILITY_FORBIDDEN = 405; // RFC 8016 s3.4
export const ERROR_UNKNOWN_ATTRIBUTE = 420; // RFC 8489 s14.8
export const ERROR_ALLOCATION_MISMATCH = 437; // RFC 8656 s19
export const ERROR_STALE_NONCE = 438; // RFC 8489 s14.8
export const ERROR_ADDRESS_FAMILY_NOT_SUPPORTED = 440; // RFC 8656 s19
export const ERROR_WRONG_CREDENTIALS = 441; // RFC 8656 s19
export const ERROR_UNSUPPORTED_TRANSPORT_PROTOCOL = 442; // RFC 8656 s19
export const ERROR_PEER_ADDRESS_FAMILY_MISMATCH = 443; // RFC 8656 s19
export const ERROR_CONNECTION_ALREADY_EXISTS = 446; // RFC 6062 s6.3
export const ERROR_CONNECTION_TIMEOUT_OR_FAILURE = 447; // RFC 6062 s6.3
export const ERROR_ALLOCATION_QUOTA_REACHED = 486; // RFC 8656 s19
export const ERROR_ROLE_CONFLICT = 487; // RFC 8445 s16.2
export const ERROR_SERVER_ERROR = 500; // RFC 8489 s14.8
export const ERROR_INSUFFICIENT_CAPACITY = 508; // RFC 8656 s19

/** The recommended reason phrase of each code: for people, never compared (RFC 8489 s14.8). */
export const ERROR_REASONS: ReadonlyMap<number, string> = new Map([
  [ERROR_TRY_ALTERNATE, 'Try Alternate'],
  [ERROR_BAD_REQUEST, 'Bad Request'],
  [ERROR_UNAUTHENTICATED, 'Unauthenticated'],
  [ERROR_FORBIDDEN, 'Forbidden'],
  [ERROR_MOBILITY_FORBIDDEN, 'Mobility Forbidden'],
  [ERROR_UNKNOWN_ATTRIBUTE, 'Unknown Attribute'],
  [ERROR_ALLOCATION_MISMATCH, 'Allocation Mismatch'],
  [ERROR_STALE_NONCE, 'Stale Nonce'],
  [ERROR_ADDRESS_FAMILY_NOT_SUPPORTED, 'Address Family not Supported'],
  [ERROR_WRONG_CREDENTIALS, 'Wrong Credentials'],
  [ERROR_UNSUPPORTED_TRANSPORT_PROTOCOL, 'Unsupported Transport Protocol'],
  [ERROR_PEER_ADDRESS_FAMILY_MISMATCH, 'Peer Address Family Mismatch'],
  [ERROR_CONNECTION_ALREADY_EXISTS, 'Connection Already Exists'],
  [ERROR_CONNECTION_TIMEOUT_OR_FAILURE, 'Connection Timeout or Failure'],
  [ERROR_ALLOCATION_QUOTA_REACHED, 'Allocation Quota Reached'],
  [ERROR_ROLE_CONFLICT, 'Role Conflict'],
  [ERROR_SERVER_ERROR, 'Server Error'],
  [ERROR_INSUFFICIENT_CAPACITY, 'Insufficient Capacity'],
]);

/** The recommended reason phrase of a code; empty for a code that is not in the table. */
export function reasonPhrase(code: number): string {
  return ERROR_REASONS.get(code) ?? '';
}

export const PASSWORD_ALGORITHM_MD5 = 0x0001; // RFC 8489 s18.5.1.1
export const PASSWORD_ALGORITHM_SHA256 = 0x0002; // RFC 8489 s18.5.1.2

// RFC 8489 s14.1: also the values of REQUESTED-ADDRESS-FAMILY (RFC 8656 s18.6).
export const ADDRESS_FAMILY_IPV4 = 0x01;
export const ADDRESS_FAMILY_IPV6 = 0x02;
