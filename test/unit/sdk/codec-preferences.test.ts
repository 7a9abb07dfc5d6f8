import { expect, test } from 'vitest';
import { wantedCodecs, wished } from '../../../sdk/codec-preferences.ts';
import type { Codec } from '../../../sdk/codec-preferences.ts';

const codec = (mimeType: string, sdpFmtpLine?: string): Codec => ({
  mimeType,
  ...(sdpFmtpLine === undefined ? {} : { sdpFmtpLine }),
});
const names = (codecs: readonly Codec[]): string[] =>
  codecs.map(({ mimeType, sdpFmtpLine = '' }) => `${mimeType} ${sdpFmtpLine}`.trim());

/** As Chromium 156 lists them. */
const CHROMIUM = [
  codec('video/VP9', 'profile-id=0'),
  codec('video/VP8'),
  codec('video/rtx'),
  codec('video/VP9', 'profile-id=2'),
  codec('video/H264', 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f'),
  codec('video/H264', 'level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f'),
  codec('video/H264', 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f'),
  codec('video/AV1', 'level-idx=5;profile=1;tier=0'),
  codec('video/AV1', 'level-idx=5;profile=0;tier=0'),
  codec('video/red'),
  codec('video/ulpfec'),
  codec('video/flexfec-03', 'repair-window=10000000'),
];

test('of video: VP8 first, one profile of each, and retransmission', () => {
  expect(names(wantedCodecs('video', CHROMIUM))).toEqual([
    'video/VP8',
    'video/H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f',
    'video/VP9 profile-id=0',
    'video/AV1 level-idx=5;profile=0;tier=0',
    'video/rtx',
  ]);
});

test('parameters that are left out have their defaults', () => {
  const bare = [codec('video/AV1'), codec('video/VP9'), codec('video/H264')];
  expect(names(wantedCodecs('video', bare))).toEqual(['video/VP9', 'video/AV1']);
});

test('of audio: Opus, and RED where there is one', () => {
  const audio = [
    codec('audio/red', '111/111'),
    codec('audio/opus', 'minptime=10;useinbandfec=1'),
    codec('audio/G722'),
    codec('audio/PCMU'),
    codec('audio/telephone-event'),
  ];
  expect(names(wantedCodecs('audio', audio))).toEqual([
    'audio/opus minptime=10;useinbandfec=1',
    'audio/red 111/111',
  ]);
  expect(names(wantedCodecs('audio', audio.slice(1)))).toHaveLength(1);
  expect(wantedCodecs('audio', [])).toEqual([]);
});

test('what is encrypted is of codecs that are packed without a look inside, and without RED', () => {
  const video = wantedCodecs('video', CHROMIUM);
  const isEncrypted = true;
  expect(names(wished(video, { isEncrypted }))).toEqual([
    'video/VP8',
    'video/VP9 profile-id=0',
    'video/rtx',
  ]);
  expect(names(wished(video, { only: 'vp9', isEncrypted }))).toEqual([
    'video/VP9 profile-id=0',
    'video/rtx',
  ]);
  const audio = [codec('audio/opus'), codec('audio/red')];
  expect(names(wished(audio, { only: 'vp8', isEncrypted }))).toEqual(['audio/opus']);
  expect(names(wished(audio, {}))).toEqual(names(audio));
  expect(names(wished(video, { first: 'av1' }))[0]).toMatch(/AV1/);
});
