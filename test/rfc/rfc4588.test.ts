// Retransmission (RFC 4588) and redundant audio (RFC 2198).

import { describe, expect, it } from 'vitest';
import { RED_BLOCKS_MAX, RedReader } from '../../sfu/rtp/red-reader.ts';
import { RTP_OK } from '../../sfu/rtp/rtp-reader.ts';
import { originalSequenceNumber, unwrapRtx, wrapRtx } from '../../sfu/rtp/rtx.ts';
import { hex, readRtp } from '../unit/sfu/build-rtp.ts';

describe('RTX', () => {
  const RTX = hex('b1e20007 89abcdef 00000009 00000001 bede0001 10aa0000 fffe 010203 0002');

  it('RFC 4588 s4: the original sequence number stands before the original payload', () => {
    expect(originalSequenceNumber(readRtp(RTX))).toBe(0xfffe);
    // Padding alone probes the path: there is nothing in it.
    expect(originalSequenceNumber(readRtp(hex('80620007 00000000 00000009')))).toBe(-1);
    expect(originalSequenceNumber(readRtp(hex('a0620007 00000000 00000009 ff000003')))).toBe(-1);
  });

  it('RFC 4588 s4: the original packet has its SSRC, payload type and sequence number again', () => {
    const reader = readRtp(RTX);
    const end = reader.offset + reader.length;
    const at = unwrapRtx(reader, 0xfedcba98, 96);
    expect(at).toBe(reader.offset + 2);
    expect(reader.read(reader.bytes, at, end - at)).toBe(RTP_OK);
    expect(reader).toMatchObject({
      marker: true,
      payloadType: 96,
      sequenceNumber: 0xfffe,
      timestamp: 0x89abcdef,
      ssrc: 0xfedcba98,
      csrcCount: 1,
      payloadBytes: 3,
      paddingBytes: 2,
    });
    expect(reader.extensionU8(1)).toBe(0xaa);
    const payload = reader.bytes.subarray(reader.payloadOffset, reader.payloadOffset + 3);
    expect(Buffer.from(payload)).toEqual(hex('010203'));
  });

  it('RFC 4588 s4: without an original sequence number nothing is touched', () => {
    const packet = hex('80620007 00000000 00000009 01');
    const reader = readRtp(packet);
    expect(unwrapRtx(reader, 1, 2)).toBe(-1);
    expect(Buffer.from(reader.bytes.subarray(7, 20))).toEqual(packet);
  });

  it('RFC 4588 s4: wrapping puts the original sequence number right before the payload', () => {
    const bytes = hex('80600001 00000000 00000009 010203');
    expect(wrapRtx(bytes, 12, 0xabcd)).toBe(10);
    expect(bytes.subarray(10)).toEqual(hex('abcd 010203'));
    for (const at of [0, 1, -1, 16, Number.NaN]) expect(wrapRtx(bytes, at, 1)).toBe(-1);
  });
});

/** Blocks as `payload type @ timestamp offset: bytes`. */
function blocks(payload: Buffer): string[] | undefined {
  const red = new RedReader();
  const bytes = Buffer.concat([Buffer.alloc(3, 0xff), payload, Buffer.alloc(4, 0xff)]);
  if (!red.read(bytes, 3, payload.length)) {
    return undefined;
  }
  return Array.from({ length: red.count }, (_, i) => {
    const data = bytes.toString('hex', red.offsets[i], red.offsets[i]! + red.lengths[i]!);
    return `${red.payloadTypes[i]} @ ${red.timestampOffsets[i]}: ${data}`;
  });
}

/** That many empty blocks. */
function empty(count: number): Buffer {
  return hex(`${'ef000000'.repeat(count - 1)}6f`);
}

describe('RED', () => {
  it('RFC 2198 s3: headers of four bytes, the last of one, then the blocks', () => {
    const two = hex('ef 1e0003 ef 0f0002 6f 010203 0405 060708');
    expect(blocks(two)).toEqual(['111 @ 1920: 010203', '111 @ 960: 0405', '111 @ 0: 060708']);
    expect(blocks(hex('6f 01'))).toEqual(['111 @ 0: 01']);
    expect(blocks(hex('6f'))).toEqual(['111 @ 0: ']);
    const widest = Buffer.concat([hex('80 ffffff 00'), Buffer.alloc(1023)]);
    expect(blocks(widest)).toEqual([`0 @ 16383: ${'00'.repeat(1023)}`, '0 @ 0: ']);
  });

  it('RFC 2198 s3: lengths that lie and headers that do not end are refused', () => {
    for (const payload of ['', 'ef', 'ef0f00', 'ef0f0002', 'ef0f000200', 'ef 0f0003 6f 0102']) {
      expect(blocks(hex(payload))).toBeUndefined();
    }
    const red = new RedReader();
    expect(red.read(hex('6f 01'), 0, 2)).toBe(true);
    expect(red.read(hex('ef0f0002'), 0, 4)).toBe(false);
    expect(red.count).toBe(0);
    expect(red.read(new Uint8Array(4), 2, 3)).toBe(false);
    expect(red.read(new Uint8Array(4), -1, 3)).toBe(false);
  });

  it('RFC 2198 s3: so many blocks and no more', () => {
    expect(blocks(empty(RED_BLOCKS_MAX))).toHaveLength(RED_BLOCKS_MAX);
    expect(blocks(empty(RED_BLOCKS_MAX + 1))).toBeUndefined();
  });
});
