// What an admitted participant can do with its keys: RTP, RTCP and DTLS as no browser sends them.

import { RTCP_SAMPLES, RTP_SAMPLES } from '../../fuzz/rtp-samples.ts';
import { CHROMIUM_CLIENT_HELLO } from '../../unit/sfu/chromium-client-hello.ts';
import { rtpPacket, vp8Payload } from '../sfu-router/packets.ts';
import { writeRtcp } from '../sfu-router/rtcp.ts';
import { VP8 } from '../sfu-router/sections.ts';
import type { Chance } from '../turn/fuzz.ts';
import { type Attack, media, router } from './attack.ts';
import type { LivePeer } from './live-peer.ts';

const PER_ROUND = 100;
const ROUNDS = 60;

function video(
  ssrc: number,
  sequenceNumber: number,
  { mid, payloadType = VP8.payloadType }: { mid?: string; payloadType?: number } = {},
): Buffer {
  return rtpPacket({
    ssrc,
    sequenceNumber,
    timestamp: sequenceNumber * 3000,
    payloadType,
    marker: true,
    ...(mid === undefined ? {} : { mid }),
    payload: vp8Payload({ key: true, start: true, pictureId: sequenceNumber & 0x7fff }),
  });
}

const times = (count: number, act: (index: number) => void): void => {
  for (let i = 0; i < count; i++) act(i);
};

/** Every packet has another SSRC, MID or payload type. */
const unknownStreams: Attack = {
  name: 'RTP of thousands of SSRCs, of sections and payload types that there are not',
  rounds: ROUNDS,
  begin: ({ hostile, chance }) => {
    let ssrc = 1;
    return () =>
      times(PER_ROUND, () => {
        const mid = chance.pick([undefined, '0', '1', '1', '7', 'x']);
        const payloadType = chance.pick([VP8.payloadType, VP8.payloadType, 120, 35]);
        const again = chance.below(2) === 0 ? 1 + chance.below(200) : ssrc++;
        const packet = video(again, chance.below(65_536), {
          payloadType,
          ...(mid === undefined ? {} : { mid }),
        });
        try {
          hostile.sendRtp(packet);
        } catch {
          // Its own sender does not use a number twice.
        }
      });
  },
  counted: [
    media('srtp-too-many-ssrcs'),
    router('unknown-mid'),
    router('payload-type'),
    router('replaced-ssrc'),
  ],
};

const flood: Attack = {
  name: 'a flood of packets that are all right',
  rounds: 100,
  begin: ({ hostile }) => {
    let sequenceNumber = 0;
    return () =>
      times(200, () => hostile.sendRtp(video(9, sequenceNumber++ & 0xffff, { mid: '0' })));
  },
  counted: [media('too-fast')],
};

/** Asks for all packets of everything that it is shown, over and over, in datagrams as long as they may be. */
const nacks: Attack = {
  name: 'NACK of everything, over and over',
  rounds: ROUNDS,
  begin: ({ hostile }) => {
    const { slots } = hostile.answered;
    return (round) =>
      times(PER_ROUND, (i) => {
        const { ssrc } = slots[i % slots.length]!;
        hostile.sendRtcp(longNack(ssrc, (round * PER_ROUND + i) * 17 * 300));
      });
  },
  counted: [['sterna_sfu_nacks_total', 'direction', 'in'], router('too-much-feedback')],
  bounds: (grown) => {
    const sent = grown('sterna_sfu_bytes_total', 'direction', 'out');
    const again = grown('sterna_sfu_retransmitted_packets_total');
    // A quarter of what it is sent, in packets of a kilobyte, and what it may have at once.
    const most = (sent / 4 + 131_072) / 900;
    return again > most ? [`${again} packets were sent again, of ${sent} bytes`] : [];
  },
};

/** 300 entries that ask for 17 packets each. */
function longNack(ssrc: number, from: number): Buffer {
  const entries = 300;
  const datagram = Buffer.alloc(12 + 4 * entries);
  datagram.writeUInt32BE(0x81cd_0000 + 2 + entries);
  datagram.writeUInt32BE(1, 4);
  datagram.writeUInt32BE(ssrc, 8);
  for (let i = 0; i < entries; i++) {
    datagram.writeUInt16BE((from + 17 * i) & 0xffff, 12 + 4 * i);
    datagram.writeUInt16BE(0xffff, 14 + 4 * i);
  }
  return datagram;
}

const keyFrames: Attack = {
  name: 'PLI and FIR for everything, as many as go into a datagram',
  rounds: ROUNDS,
  begin: ({ hostile }) => {
    const { slots } = hostile.answered;
    return (round) =>
      times(PER_ROUND, (i) =>
        hostile.sendRtcp(
          writeRtcp((to) => {
            for (let n = 0; n < 80; n++) {
              const { ssrc } = slots[(i + n) % slots.length]!;
              if (n % 2 === 0) to.pictureLoss(1, ssrc);
              else to.fullIntraRequest(1, ssrc, (round + n) & 0xff);
            }
          }),
        ),
      );
  },
  counted: [
    ['sterna_sfu_key_frame_requests_total', 'direction', 'in'],
    router('too-much-feedback'),
  ],
  bounds: (grown, seconds) => {
    const out = grown('sterna_sfu_key_frame_requests_total', 'direction', 'out');
    // Three honest streams and two hostile ones: five at once, then one each second.
    const most = 5 * (5 + Math.ceil(seconds) + 1);
    return out > most ? [`${out} key frames were asked for in ${seconds} s`] : [];
  },
};

/** Bytes inside of valid SRTP that are no RTP or RTCP, or lie about their lengths. */
const malformed: Attack = {
  name: 'malformed RTP and RTCP under valid SRTP',
  rounds: ROUNDS,
  begin: ({ hostile, chance }) => {
    let sequenceNumber = 0;
    return () => {
      times(PER_ROUND / 2, () => sendMutated(hostile, chance, sequenceNumber++));
      times(PER_ROUND / 2, () => {
        const sample = Buffer.from(chance.pick(RTCP_SAMPLES));
        times(chance.below(4), () => (sample[chance.below(sample.length)] = chance.below(256)));
        // The type must stay one of RTCP, and SRTCP wants a header.
        sample[0] = 0x80 | (sample[0]! & 0x3f);
        sample[1] = 200 + chance.below(8);
        hostile.sendRtcp(sample);
      });
    };
  },
  counted: [router('rtp-malformed'), router('rtcp-malformed')],
};

function sendMutated(hostile: LivePeer, chance: Chance, sequenceNumber: number): void {
  const sample = Buffer.from(chance.pick(RTP_SAMPLES));
  times(chance.below(4), () => (sample[chance.below(sample.length)] = chance.below(256)));
  const packet = Buffer.concat([video(9, 0, { mid: '0' }).subarray(0, 12), sample]);
  // Its own sender reads the header, too: version 2, no more of it than there is.
  packet[0] = chance.pick([0x80, 0xa0, 0x80 | chance.below(Math.min(15, sample.length >> 2))]);
  packet.writeUInt16BE(sequenceNumber & 0xffff, 2);
  packet[packet.length - 1] = chance.below(256);
  hostile.sendRtp(packet);
}

/** What went by once goes by again, whole or with a bit turned. */
const replayed: Attack = {
  name: 'replayed, changed and foreign SRTP',
  rounds: ROUNDS,
  begin: ({ hostile, chance, meeting }) => {
    const seen: Buffer[] = [];
    let sequenceNumber = 0;
    return () =>
      times(PER_ROUND, () => {
        if (seen.length < 200) {
          const packet = hostile.protect(video(9, sequenceNumber++, { mid: '0' }));
          seen.push(packet);
          hostile.send(packet);
        }
        const copy = Buffer.from(chance.pick(seen));
        if (chance.below(2) === 0)
          copy[12 + chance.below(copy.length - 12)]! ^= 1 << chance.below(8);
        if (chance.below(8) === 0) {
          const other = meeting.people[0]!;
          hostile.send(other.peer.protectRtcp(writeRtcp((to) => to.pictureLoss(1, other.ssrc))));
        }
        hostile.send(copy);
      });
  },
  counted: [media('srtp-replayed'), media('srtp-forged')],
};

/** After the handshake: ClientHellos, records of no length, alerts that nobody has signed, and at last a real end. */
const dtls: Attack = {
  name: 'DTLS after the handshake, and close_notify',
  rounds: ROUNDS,
  begin: ({ hostile, chance }) => {
    const empty = Buffer.from('16fefd00010000000000990000', 'hex');
    const alert = Buffer.from('15fefd000000000000009900020100', 'hex');
    const records = Buffer.concat(Array.from({ length: 100 }, () => empty));
    return (round) => {
      times(PER_ROUND, () => {
        const kind = chance.below(4);
        if (kind === 0) for (const hello of CHROMIUM_CLIENT_HELLO) hostile.send(hello);
        else hostile.send([records, alert, chance.bytes(200)][kind - 1]!);
      });
      if (round !== ROUNDS - 1) return;
      hostile.dtls.transport.close();
      hostile.flush();
    };
  },
  counted: [media('too-fast'), media('unknown-kind')],
};

export const MEDIA_ATTACKS: readonly Attack[] = [
  unknownStreams,
  flood,
  nacks,
  keyFrames,
  malformed,
  replayed,
  dtls,
];
