// Offers and fragments for the WHIP and WHEP endpoints: one audio and one video track.

import { AUDIO, VIDEO, changed, offerOf } from './sdp.ts';

export const SENDS = { 'a=sendrecv': 'a=sendonly' };
export const RECEIVES = { 'a=sendrecv': 'a=recvonly' };
export const PUBLISH: string = offerOf([changed(AUDIO, SENDS), changed(VIDEO, SENDS)]);
export const PLAY: string = offerOf([changed(AUDIO, RECEIVES), changed(VIDEO, RECEIVES)]);

/** Candidates of the ICE session that either begins. */
export const TRICKLE: string = [
  'a=group:BUNDLE 0 1',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  'a=mid:0',
  'a=ice-ufrag:abcd',
  'a=ice-pwd:abcdefghijklmnopqrstuv',
  'a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag abcd network-id 1',
  'a=candidate:3471623853 1 sctp 2122194687 nowhere.invalid 61765 typ host',
  'a=end-of-candidates',
  '',
].join('\r\n');

export const RESTARTED = { ufrag: 'ysXw', password: 'vw5LmwG4y/e6dPP/zAP9Gp5k' };

/** The same with other credentials. */
export const RESTART: string = TRICKLE.replace('abcd\r', `${RESTARTED.ufrag}\r`).replace(
  'abcdefghijklmnopqrstuv',
  RESTARTED.password,
);
