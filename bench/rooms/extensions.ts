// The header extensions of the rooms load (RFC 8285), as its packets carry them and its offers name them:
// libdatachannel makes neither.

import { PAYLOAD_TYPES } from '../sfu/flow.ts';

const RTX = 97;
/** Of a camera, from the lowest encoding on. */
export const RIDS = ['q', 'h', 'f'] as const;
const IDS = { mid: 1, rid: 2, audioLevel: 3, transportCc: 4 } as const;
export const TRANSPORT_CC_ID = IDS.transportCc;
const MID_URN = 'urn:ietf:params:rtp-hdrext:sdes:mid';
const RID_URN = 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id';
const LEVEL_URN = 'urn:ietf:params:rtp-hdrext:ssrc-audio-level';
const TRANSPORT_CC_URN =
  'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01';
/** RFC 6464 s3: V, and -30 dBov; or silence. */
const SPEAKING = 0x80 | 30;
const SILENT = 127;

export function audioExtension(mid: string, speaks: boolean): Uint8Array {
  return extension([
    [IDS.mid, Buffer.from(mid)],
    [IDS.audioLevel, Buffer.from([speaks ? SPEAKING : SILENT])],
  ]);
}

export function videoExtension(mid: string, rid: string): Uint8Array {
  return extension([
    [IDS.mid, Buffer.from(mid)],
    [IDS.rid, Buffer.from(rid)],
  ]);
}

/** RFC 8285 s4.2: one-byte headers. */
function extension(elements: readonly (readonly [id: number, value: Buffer])[]): Uint8Array {
  const body = Buffer.concat(
    elements.flatMap(([id, value]) => [Buffer.from([(id << 4) | (value.length - 1)]), value]),
  );
  const words = Math.ceil(body.length / 4);
  const whole = Buffer.alloc(4 + 4 * words);
  whole.writeUInt16BE(0xbede, 0);
  whole.writeUInt16BE(words, 2);
  body.copy(whole, 4);
  return whole;
}

/**
 * An offer of libdatachannel's with what the load sends and understands; a camera's section has its encodings, by rid
 * alone. For Sterna, which wants the smallest first, sections that receive have transport-wide feedback and
 * retransmissions; Janus sends neither, and numbers substreams from the last one on.
 */
export function withExtensions(offer: string, isSterna: boolean): string {
  const [session = '', ...sections] = offer.split(/^(?=m=)/m);
  return [session, ...sections.map((section) => extended(section, isSterna))].join('');
}

function extended(section: string, isSterna: boolean): string {
  const isVideo = section.startsWith('m=video');
  const sends = section.includes('a=sendonly');
  const lines = [`a=extmap:${IDS.mid} ${MID_URN}`];
  if (!isVideo) lines.push(`a=extmap:${IDS.audioLevel} ${LEVEL_URN}`);
  const rids = isSterna ? RIDS : RIDS.toReversed();
  if (sends && isVideo) {
    lines.push(
      `a=extmap:${IDS.rid} ${RID_URN}`,
      ...rids.map((rid) => `a=rid:${rid} send`),
      `a=simulcast:send ${rids.join(';')}`,
    );
  }
  if (!sends && isSterna) {
    const payloadType = PAYLOAD_TYPES[isVideo ? 'video' : 'audio'];
    lines.push(
      `a=extmap:${IDS.transportCc} ${TRANSPORT_CC_URN}`,
      `a=rtcp-fb:${payloadType} transport-cc`,
    );
    // What a server finds out with how much the network carries is padding on the SSRC of retransmissions.
    if (isVideo) lines.push(`a=rtpmap:${RTX} rtx/90000`, `a=fmtp:${RTX} apt=${payloadType}`);
  }
  const simulcast = sends && isVideo;
  const plain = simulcast ? section.replaceAll(/^a=ssrc:.*\r\n/gm, '') : section;
  const all = `${plain}${lines.map((line) => `${line}\r\n`).join('')}`;
  return !sends && isSterna && isVideo ? all.replace(/^m=video.*?(?=\r)/, `$& ${RTX}`) : all;
}
