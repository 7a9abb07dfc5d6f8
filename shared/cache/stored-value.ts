// A cached value as Redis has it: whether there is one, what loading it cost, the epoch of the cache that it belongs
// to, and its bytes. What is read is looked at as bytes from outside are.
// Called by: the Redis tier.

const VALUE = 1;
const ABSENT = 2;
const HEAD_BYTES = 6;
const COST_MAX = 0xffff_ffff;

export interface StoredValue {
  /** Undefined where it is known that there is no value. */
  readonly bytes: Uint8Array | undefined;
  readonly costMs: number;
}

/** All before the epoch, which its length precedes. */
export function encodeHead({ bytes, costMs }: StoredValue): Buffer {
  const head = Buffer.alloc(HEAD_BYTES - 1);
  head[0] = bytes === undefined ? ABSENT : VALUE;
  head.writeUInt32BE(Math.min(Math.ceil(costMs), COST_MAX), 1);
  return head;
}

export function encodeStored(value: StoredValue, epoch: Buffer): Buffer {
  return Buffer.concat([
    encodeHead(value),
    Buffer.of(epoch.length),
    epoch,
    value.bytes ?? Buffer.alloc(0),
  ]);
}

/** Undefined for what is of another epoch, or not of ours. */
export function decodeStored(stored: Buffer, epoch: Buffer): StoredValue | undefined {
  if (stored.length < HEAD_BYTES) return undefined;
  const kind = stored[0];
  const bytesAt = HEAD_BYTES + stored[5]!;
  if ((kind !== VALUE && kind !== ABSENT) || stored.length < bytesAt) return undefined;
  if (!stored.subarray(HEAD_BYTES, bytesAt).equals(epoch)) return undefined;
  const costMs = stored.readUInt32BE(1);
  return { bytes: kind === VALUE ? stored.subarray(bytesAt) : undefined, costMs };
}
