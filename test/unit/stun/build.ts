// Puts STUN messages together byte by byte, without the writer, so that tests can also build wrong ones.

import { STUN_OK, StunReader } from '../../../shared/stun/reader.ts';
import { hex } from './vectors.ts';

export const TRANSACTION = hex('000102030405060708090a0b');

/** One attribute: its header, its value and its padding, all bytes of which are `pad`. */
export function attribute(
  type: number,
  value: Uint8Array | readonly number[] = [],
  pad = 0,
): number[] {
  const padding = Array.from({ length: -value.length & 3 }, () => pad);
  return [type >> 8, type & 255, value.length >> 8, value.length & 255, ...value, ...padding];
}

/** A message of that 14-bit type; its length field is right. */
export function message(type: number, ...attributes: readonly number[][]): Uint8Array {
  const body = attributes.flat();
  const header = [type >> 8, type & 255, body.length >> 8, body.length & 255];
  return Uint8Array.from([...header, 0x21, 0x12, 0xa4, 0x42, ...TRANSACTION, ...body]);
}

/** A reader on a whole message, which must be well formed. */
export function readerOf(bytes: Uint8Array): StunReader {
  const reader = new StunReader();
  const defect = reader.read(bytes, 0, bytes.length);
  if (defect !== STUN_OK) throw new Error(`the message has the defect ${defect}`);
  return reader;
}

export function ascii(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}
