// Something that browsers publish to, and that writes down what they send: a media server and an SFU as a worker has
// them, and between the two a tap. Some packets of video are withheld from the SFU, so that it asks for them again.

import { Arena } from '../../../shared/native/arena.ts';
import type { SocketOwner } from '../../../shared/net/engine.ts';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import { createDtlsContext } from '../../../sfu/dtls/context.ts';
import { hostCandidates } from '../../../sfu/ice/candidates.ts';
import { newIceCredentials } from '../../../sfu/ice/credentials.ts';
import { RtcpWriter } from '../../../sfu/rtp/rtcp-writer.ts';
import { makeAnswer } from '../../../sfu/sdp/answer.ts';
import type { CodecName } from '../../../sfu/sdp/codecs.ts';
import { type AgreedSection, negotiate } from '../../../sfu/sdp/negotiation.ts';
import { answeredSetup } from '../../../sfu/sdp/transport.ts';
import { Sfu, type SfuTransport, type TransportMaker } from '../../../sfu/sfu.ts';
import { MediaServer } from '../../../sfu/transport/media-server.ts';
import type { MediaObserver } from '../../../sfu/transport/media-transport.ts';
import { accepted, LOCAL } from '../sdp.ts';
import { CERTIFICATE_A } from '../sfu/dtls-end.ts';
import { RealNet } from '../sfu/media-net.ts';
import { address } from '../turn/world.ts';
import { LOST, RTCP, RTP, type TraceEvent, type TracePacket } from './trace.ts';

/** Of packets of video, one of so many is withheld. */
const LOSS_INTERVAL = 37;
const OUR_SSRC = 0x5eed;
const RTCP_BYTES_MAX = 1500;

export class Recorder {
  readonly packets: TracePacket[] = [];
  readonly events: TraceEvent[] = [];
  sections: readonly AgreedSection[] = [];
  readonly #net = new RealNet('portable');
  readonly #dtls = createDtlsContext(CERTIFICATE_A);
  readonly #server = new MediaServer({ engine: this.#net.engine, dtls: this.#dtls });
  readonly #address = new TransportAddress();
  readonly #scratch = new Arena(RTCP_BYTES_MAX);
  readonly #turn: SocketOwner = {
    onOpened: () => undefined,
    onDatagram: () => undefined,
    onTurnEnd: (now) => this.#sfu.onTurnEnd(now),
  };
  readonly #tap: TransportMaker = {
    open: (setup, observer, now) => {
      const opened = this.#server.open(setup, this.#observe(observer), now);
      if (typeof opened !== 'string') this.#transport = opened;
      return opened;
    },
  };
  readonly #sfu = new Sfu({
    transports: this.#tap,
    timers: this.#net.engine.timers,
    emit: () => undefined,
    atTurnEnd: () => this.#net.engine.atTurnEnd(this.#turn),
    wallMs: () => Date.now(),
    random: () => Math.random(),
  });
  #transport: SfuTransport | undefined = undefined;
  #startedAt = -1;
  #videoPackets = 0;

  /** @param host an address of this machine that browsers have candidates for */
  static async open(host: string): Promise<Recorder> {
    const recorder = new Recorder();
    await new Promise<void>((resolve, reject) => {
      recorder.#server.listen([{ address: address(host) }], ([result]) => {
        if (result === undefined || result.failure !== undefined) {
          reject(new Error('no listener'));
          return;
        }
        recorder.#address.set(result.address);
        resolve();
      });
    });
    return recorder;
  }

  get isConnected(): boolean {
    return this.#transport?.state === 'connected';
  }

  /** The answer to the only offer, by which nothing but these codecs is taken. */
  answer(sdp: string, codecs: readonly CodecName[]): string {
    const offer = accepted(sdp);
    const { ice: remote, fingerprints, setup: offered } = offer.transport;
    const local = newIceCredentials();
    const setup = answeredSetup(offered);
    const decisions = offer.sections.flatMap((section) =>
      section.accepted ? [[section.mid, { receive: true, codecs }] as const] : [],
    );
    const negotiation = negotiate(offer, new Map(decisions));
    this.sections = negotiation.sections.flatMap((one) => (one.accepted ? [one] : []));
    const publications = this.sections.map(({ mid }, i) => ({
      publication: i + 1,
      mid,
      muted: false,
    }));
    const open = { type: 'sfu.open', id: 1, room: 'room', slots: [] } as const;
    const media = { sections: this.sections, publications };
    this.#sfu.handle({ ...open, ice: { local, remote }, fingerprints, setup, media }, this.#now());
    return makeAnswer(negotiation, {
      ...LOCAL,
      ice: local,
      candidates: hostCandidates([{ transport: 'udp', address: this.#address }]),
      fingerprint: CERTIFICATE_A.fingerprint,
      setup,
    });
  }

  note(what: TraceEvent['what']): void {
    this.events.push({ us: this.#us(), what });
  }

  /** Asks for a key frame of each. */
  requestKeyFrames(ssrcs: readonly number[]): void {
    const { bytes } = this.#scratch;
    const writer = new RtcpWriter().start(bytes, 0, bytes.length);
    writer.receiverReport(OUR_SSRC, [], 0);
    for (const ssrc of ssrcs) writer.pictureLoss(OUR_SSRC, ssrc);
    this.note('pli');
    this.#transport?.sendRtcp(this.#scratch, 0, writer.length, this.#now());
  }

  async close(): Promise<void> {
    this.#sfu.close(this.#now());
    this.#server.close();
    await this.#net.settle();
    this.#net.close();
    this.#dtls.free();
    this.#scratch.free();
  }

  #now(): number {
    return this.#net.now();
  }

  #us(): number {
    const now = Math.round(1000 * this.#now());
    if (this.#startedAt < 0) this.#startedAt = now;
    return now - this.#startedAt;
  }

  #observe(sfu: MediaObserver): MediaObserver {
    return {
      onConnected: (now) => sfu.onConnected(now),
      onDisconnected: (now) => sfu.onDisconnected(now),
      onClosed: (reason, detail) => sfu.onClosed(reason, detail),
      onRtp: (arena, offset, length, now) => {
        const bytes = Buffer.from(arena.bytes.subarray(offset, offset + length));
        const kind = this.#isLost(bytes) ? LOST : RTP;
        this.packets.push({ us: this.#us(), kind, bytes });
        if (kind === RTP) sfu.onRtp(arena, offset, length, now);
      },
      onRtcp: (arena, offset, length, now) => {
        const bytes = Buffer.from(arena.bytes.subarray(offset, offset + length));
        this.packets.push({ us: this.#us(), kind: RTCP, bytes });
        sfu.onRtcp(arena, offset, length, now);
      },
    };
  }

  #isLost(bytes: Buffer): boolean {
    const payloadType = bytes[1]! & 0x7f;
    const isVideo = this.sections.some(
      ({ kind, codecs }) =>
        kind === 'video' && codecs.some((codec) => codec.payloadType === payloadType),
    );
    // Not before the browser has found out what it may send: it would send less.
    return isVideo && this.events.length > 0 && ++this.#videoPackets % LOSS_INTERVAL === 0;
  }
}
