// The media of a guest of the soak over one connection: what LivePeer is, with the guest's offer, feedback on what
// arrives, and a network in both directions that loses and delays as it is told.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { ArrivalLog } from '../../../sfu/feedback/arrival-log.ts';
import { RTP_OK, RtpReader } from '../../../sfu/rtp/rtp-reader.ts';
import { LivePeer, type PeerSettings } from '../sfu-live/live-peer.ts';
import type { Signaling } from '../sfu-live/signaling.ts';
import { CERTIFICATE_B } from '../sfu/dtls-end.ts';
import { writeRtcp } from '../sfu-router/rtcp.ts';
import { IDS } from '../sfu-router/sections.ts';
import type { Chance } from '../turn/fuzz.ts';
import { guestOffer } from './description.ts';

/** Of a thousand packets each. */
export interface Network {
  readonly lostOut: number;
  readonly lateOut: number;
  readonly lostIn: number;
}

export const GOOD_NETWORK: Network = { lostOut: 0, lateOut: 0, lostIn: 0 };
const LATE_MS = 30;
const FEEDBACK_SSRC = 1;

const reader = new RtpReader();

export class MediaEnd extends LivePeer {
  network: Network = GOOD_NETWORK;
  chance!: Chance;
  /** What has come, and was not lost: as RtpReader has it, until the call returns. */
  onMedia: (rtp: RtpReader, packet: Buffer) => void = () => undefined;
  readonly #arrivals = new ArrivalLog();
  #lastSsrc = 0;

  static async open(
    settings: PeerSettings,
    signaling: Signaling,
    chance: Chance,
  ): Promise<MediaEnd> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    socket.setRecvBufferSize(1 << 22);
    const end = new MediaEnd(settings, signaling, socket);
    end.chance = chance;
    end.onRtp = (packet) => end.#take(packet);
    return end;
  }

  override offer(): string {
    return guestOffer(this.ice, CERTIFICATE_B.fingerprint);
  }

  /** By the network as it is. */
  readonly sendMedia = (sealed: Buffer): void => {
    const { lostOut, lateOut } = this.network;
    if (this.isClosed || this.chance.below(1000) < lostOut) return;
    if (this.chance.below(1000) < lateOut) setTimeout(() => this.#sendLate(sealed), LATE_MS);
    else this.send(sealed);
  };

  /** Tells of what has come, when that is due. */
  tell(now: number): void {
    if (!this.#arrivals.due(now)) return;
    this.sendRtcp(
      writeRtcp((to) => {
        this.#arrivals.write(to, FEEDBACK_SSRC, this.#lastSsrc);
      }),
    );
  }

  #sendLate(sealed: Buffer): void {
    if (!this.isClosed) this.send(sealed);
  }

  #take(packet: Buffer): void {
    if (this.isClosed || this.chance.below(1000) < this.network.lostIn) return;
    if (reader.read(packet, 0, packet.length) !== RTP_OK) throw new Error('not RTP');
    const at = reader.extension(IDS.transportCc);
    if (at >= 0) {
      this.#lastSsrc = reader.ssrc;
      this.#arrivals.received(packet.readUInt16BE(at), packet.length, performance.now());
    }
    this.onMedia(reader, packet);
  }
}
