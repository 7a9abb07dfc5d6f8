import { describe, expect, it } from 'vitest';
import {
  absSendTime,
  audioLevel,
  EXTENSION_AUDIO_LEVEL,
  EXTENSION_DEPENDENCY_DESCRIPTOR,
  EXTENSION_MID,
  EXTENSION_URIS,
  ExtensionIds,
  extensionKind,
  hasVoice,
  playoutDelay,
} from '../../../sfu/rtp/extension-kinds.ts';

const MID = 'urn:ietf:params:rtp-hdrext:sdes:mid';
const LEVEL = 'urn:ietf:params:rtp-hdrext:ssrc-audio-level';

describe('kinds', () => {
  it('each URI is one, and unknown ones are none', () => {
    expect(EXTENSION_URIS.map(extensionKind)).toEqual(EXTENSION_URIS.map((_, i) => i + 1));
    expect(extensionKind(MID)).toBe(EXTENSION_MID);
    expect(extensionKind('urn:ietf:params:rtp-hdrext:toffset')).toBe(0);
  });

  it('have the identifiers that were negotiated, and 0 without one', () => {
    const ids = new ExtensionIds()
      .set(MID, 4)
      .set(LEVEL, 255)
      .set('urn:unknown', 5)
      .set(LEVEL, 256);
    expect(ids.id(EXTENSION_MID)).toBe(4);
    expect(ids.id(EXTENSION_AUDIO_LEVEL)).toBe(255);
    expect(ids.id(EXTENSION_DEPENDENCY_DESCRIPTOR)).toBe(0);
    expect([ids.id(0), ids.id(99)]).toEqual([0, 0]);
    expect(new ExtensionIds().set(MID, 0).set(MID, -1).id(EXTENSION_MID)).toBe(0);
  });
});

describe('values', () => {
  it('audio level: the voice flag and -dBov', () => {
    expect([audioLevel(0x80), hasVoice(0x80)]).toEqual([0, true]);
    expect([audioLevel(0x7f), hasVoice(0x7f)]).toEqual([127, false]);
  });

  it('abs-send-time: 24 bits of seconds in 6.18, which wrap after 64 s', () => {
    expect(absSendTime(0)).toBe(0);
    expect(absSendTime(1000)).toBe(1 << 18);
    expect(absSendTime(63_500)).toBe(63.5 * 2 ** 18);
    expect(absSendTime(64_001)).toBe(absSendTime(1));
    // A date of today: neither negative nor too wide.
    expect(absSendTime(1_790_000_000_123.5)).toBe(absSendTime(1_790_000_000_123.5 % 64_000));
  });

  it('playout-delay: two times 12 bits of 10 ms, cut off at their ends', () => {
    expect(playoutDelay(0, 0)).toBe(0);
    expect(playoutDelay(100, 400)).toBe((10 << 12) | 40);
    expect(playoutDelay(-5, 1e9)).toBe(0xfff);
  });
});
