// What the tests and the bench use of the npm package `stun` 2.1, which ships no types.

declare module 'stun' {
  interface Attribute<Value> {
    readonly type: number;
    readonly value: Value;
  }

  interface Address {
    readonly address: string;
    readonly port: number;
    readonly family: 'IPv4' | 'IPv6';
  }

  class Message {
    readonly type: number;
    readonly transactionId: Buffer;
    readonly count: number;
    getAttribute<Value>(type: number): Attribute<Value> | undefined;
  }

  class StunRequest extends Message {
    addAttribute(type: number, ...values: unknown[]): unknown;
    addAddress(address: string, port: number): unknown;
    addXorAddress(address: string, port: number): unknown;
    addUsername(username: string): unknown;
    addError(code: number, reason?: string): unknown;
    addRealm(realm: string): unknown;
    addNonce(nonce: string): unknown;
    addSoftware(software: string): unknown;
    addUnknownAttributes(types: number[]): unknown;
    addMessageIntegrity(key: string | Buffer): unknown;
    addFingerprint(): unknown;
    addPriority(priority: number): unknown;
    addIceControlling(tieBreaker: Buffer): unknown;
    toBuffer(): Buffer;
  }

  class StunResponse extends Message {
    getAddress(): Address | undefined;
    getXorAddress(): Address | undefined;
    getUsername(): string | undefined;
    getRealm(): string | undefined;
    getNonce(): string | undefined;
    getSoftware(): string | undefined;
    getUnknownAttributes(): number[] | undefined;
  }

  function createMessage(type: number, transaction?: Buffer): StunRequest;
  function decode(message: Buffer): StunResponse;
  function encode(message: Message): Buffer;
  function validateFingerprint(message: Message): boolean;
  function validateMessageIntegrity(message: Message, key: string | Buffer): boolean;
}
