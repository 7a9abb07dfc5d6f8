// Writes DER (X.690): what a self-signed certificate needs, and no more.

export const TAG_INTEGER = 0x02;
export const TAG_BIT_STRING = 0x03;
export const TAG_OBJECT_IDENTIFIER = 0x06;
export const TAG_UTF8_STRING = 0x0c;
export const TAG_SEQUENCE = 0x30;
export const TAG_SET = 0x31;
/** [0], constructed, as the version of a certificate has it (RFC 5280 s4.1). */
export const TAG_EXPLICIT_0 = 0xa0;
const TAG_UTC_TIME = 0x17;
const TAG_GENERALIZED_TIME = 0x18;

/** Tag, length and contents (X.690 s8.1). */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  const { length } = body;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), body]);
  if (length < 0x100) return Buffer.concat([Buffer.from([tag, 0x81, length]), body]);
  if (length < 0x1_0000) {
    return Buffer.concat([Buffer.from([tag, 0x82, length >> 8, length & 0xff]), body]);
  }
  throw new RangeError('too long for what this writer is for');
}

/** A time of day in milliseconds since 1970. RFC 5280 s4.1.2.5: two digits for the year until 2049, four from 2050 on. */
export function derTime(timeMs: number): Buffer {
  const date = new Date(timeMs);
  const digits = date.toISOString().replaceAll(/\D/g, '').slice(0, 14);
  return date.getUTCFullYear() < 2050
    ? der(TAG_UTC_TIME, Buffer.from(`${digits.slice(2)}Z`))
    : der(TAG_GENERALIZED_TIME, Buffer.from(`${digits}Z`));
}
