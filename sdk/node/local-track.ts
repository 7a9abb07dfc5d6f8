// A track that the bot publishes: takes payloads, or plays a file, and sends RTP (RFC 3550 s5.1). It outlives the
// connection, which finds it a section whenever it is made anew. Made by room.publish().

import type { Track as Section } from 'node-datachannel';
import { RTP_OK, RtpReader } from '../../sfu/rtp/rtp-reader.ts';
import { RtpWriter } from '../../sfu/rtp/rtp-writer.ts';
import type { TrackOffer, TrackSource } from '../../signaling/protocol.ts';
import { Emitter } from '../emitter.ts';
import { SternaClientError } from '../errors.ts';
import { AUDIO_LEVEL_ID, CODECS } from './codecs.ts';
import type { Codec, CodecName, Kind } from './codecs.ts';
import type { MediaFile } from './files/media-file.ts';
import { openMedia } from './files/open-media.ts';
import { HISTORY_PACKETS } from './limits.ts';
import { Player } from './player.ts';
import type { PlayOptions } from './player.ts';
import { isRtcp, readSenderFeedback } from './rtcp.ts';
import { sendBy } from './send-by.ts';
import { randomSsrc } from './ssrc.ts';

export interface PublishOptions {
  codec: CodecName;
  /** Default: `microphone` for sound, `camera` for pictures. */
  source?: TrackSource;
  name?: string;
  /** Published, and silent for now. */
  muted?: boolean;
}

export interface SendOptions {
  /** In units of the codec's clock: 48 000 a second for Opus, 90 000 for pictures. Wraps at 2^32. */
  timestamp: number;
  /** Of pictures: the last packet of its frame. Default false. */
  marker?: boolean;
  /**
   * Of sound: how quiet, in -dBov from 0 to 127 (RFC 6464). The server forwards who speaks, and goes by this. Default:
   * speech, and silence for a frame of Opus that has nothing in it (DTX).
   */
  level?: number;
}

export interface LocalTrackEvents {
  /** Somebody needs a picture that a decoder can begin with. A file that is played goes back to one by itself. */
  keyFrameWanted: undefined;
}

export interface SendingStats {
  readonly packets: number;
  /** Of payload. */
  readonly octets: number;
  /** Packets that there was no connection for. */
  readonly dropped: number;
  readonly retransmitted: number;
  readonly keyFramesWanted: number;
  /** On the way to the server, as it last reported, 0 to 1. */
  readonly fractionLost: number;
}

const writer = new RtpWriter();
const reader = new RtpReader();
const SPEECH_DBOV = 30;
const SILENCE_DBOV = 127;
const VOICE_BIT = 0x80;
/** RFC 6716 s3.1: a frame with nothing in it. */
const DTX_BYTES_MAX = 2;

export class LocalTrack extends Emitter<LocalTrackEvents> {
  readonly codec: CodecName;
  readonly kind: Kind;
  readonly source: TrackSource;
  readonly name: string | undefined;
  readonly ssrc = randomSsrc();
  readonly #codec: Codec;
  readonly #requestMute: (track: LocalTrack, muted: boolean) => Promise<void>;
  /** Packets that may be asked for again, by the low bits of their numbers. */
  readonly #history: (Buffer | undefined)[] = [];
  readonly #waiting = new Set<() => void>();
  #player: Player | null = null;
  #section: Section | null = null;
  #sid: string | null = null;
  #muted: boolean;
  #closed = false;
  #sequenceNumber = randomSsrc() & 0x7fff;
  #timestamp = 0;
  #sentAt = 0;
  #packets = 0;
  #octets = 0;
  #dropped = 0;
  #retransmitted = 0;
  #keyFramesWanted = 0;
  #fractionLost = 0;

  /** For room.publish(). */
  constructor(
    { codec, source, name, muted = false }: PublishOptions,
    requestMute: (track: LocalTrack, muted: boolean) => Promise<void>,
  ) {
    super();
    this.codec = codec;
    this.#codec = CODECS[codec];
    this.kind = this.#codec.kind;
    this.source = source ?? (this.kind === 'audio' ? 'microphone' : 'camera');
    this.name = name;
    this.#muted = muted;
    this.#requestMute = requestMute;
  }

  /** What the server calls it; null before it has answered, and after `unpublish`. */
  get sid(): string | null {
    return this.#sid;
  }
  get muted(): boolean {
    return this.#muted;
  }
  /** Packets that were sent. */
  get packets(): number {
    return this.#packets;
  }
  get octets(): number {
    return this.#octets;
  }
  get stats(): SendingStats {
    return {
      packets: this.#packets,
      octets: this.#octets,
      dropped: this.#dropped,
      retransmitted: this.#retransmitted,
      keyFramesWanted: this.#keyFramesWanted,
      fractionLost: this.#fractionLost,
    };
  }

  /** False while there is no connection: the packet is dropped then. */
  get isOpen(): boolean {
    return this.#section?.isOpen() ?? false;
  }

  /** Resolves when it can send; rejects when `signal` aborts, and when it is not published any more. */
  async opened(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.isOpen) return;
    if (this.#closed) throw new SternaClientError('CLOSED');
    await new Promise<void>((resolve, reject) => {
      const end = (): void => {
        this.#waiting.delete(wake);
        signal?.removeEventListener('abort', abort);
      };
      const wake = (): void => {
        end();
        if (this.#closed) reject(new SternaClientError('CLOSED'));
        else resolve();
      };
      const abort = (): void => {
        end();
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.add(wake);
    });
  }

  /** One RTP packet of that payload, as the codec's RTP format has it. False when it was dropped. */
  send(payload: Uint8Array, { timestamp, marker = false, level }: SendOptions): boolean {
    writer.clear();
    if (this.kind === 'audio') {
      const isSilent = payload.length <= DTX_BYTES_MAX;
      const dbov = level ?? (isSilent ? SILENCE_DBOV : SPEECH_DBOV);
      writer.elementU8(AUDIO_LEVEL_ID, dbov < SILENCE_DBOV ? VOICE_BIT | dbov : SILENCE_DBOV);
    }
    writer.marker = marker;
    writer.payloadType = this.#codec.payloadType;
    writer.sequenceNumber = this.#sequenceNumber;
    writer.timestamp = timestamp >>> 0;
    writer.ssrc = this.ssrc;
    const packet = Buffer.allocUnsafe(writer.headerBytes + payload.length);
    packet.set(payload, writer.write(packet, 0));
    if (!this.#write(packet)) {
      this.#dropped += 1;
      return false;
    }
    this.#history[this.#sequenceNumber % HISTORY_PACKETS] = packet;
    this.#sequenceNumber = (this.#sequenceNumber + 1) & 0xffff;
    this.#timestamp = timestamp >>> 0;
    this.#sentAt = performance.now();
    this.#packets += 1;
    this.#octets += payload.length;
    return true;
  }

  /** A whole RTP packet, of whatever SSRC, payload type and numbers: those are ours. False for what is none. */
  sendRtp(packet: Uint8Array): boolean {
    if (reader.read(packet, 0, packet.length) !== RTP_OK) return false;
    const { payloadOffset, payloadBytes, timestamp, marker } = reader;
    const payload = packet.subarray(payloadOffset, payloadOffset + payloadBytes);
    return this.send(payload, { timestamp, marker });
  }

  /**
   * Sends a file in its own time, from when there is a connection; instead of what was played before. Resolves at its
   * end, or when something else is played; with `loop` it has none. Rejects when `signal` aborts.
   */
  async play(media: MediaFile | string, options: PlayOptions = {}): Promise<void> {
    const file = typeof media === 'string' ? await openMedia(media) : media;
    if (file.codec !== this.codec) {
      throw new TypeError(`This track is ${this.codec}, and the file has ${file.codec}`);
    }
    this.stop();
    const player = new Player(this, file, options, this.#timestamp);
    this.#player = player;
    const { stopped } = player;
    const { signal } = options;
    try {
      await this.opened(signal ? AbortSignal.any([signal, stopped]) : stopped);
      await player.run();
    } catch (error) {
      // That is no failure but an end.
      if (!stopped.aborted) throw error;
    } finally {
      if (this.#player === player) this.#player = null;
    }
  }

  /** Ends what is played. */
  stop(): void {
    this.#player?.stop();
    this.#player = null;
  }

  /** The others see it; packets go on, and the server drops them. */
  async mute(muted = true): Promise<void> {
    this.#muted = muted;
    if (this.#sid !== null) await this.#requestMute(this, muted);
  }

  /** The RTP timestamp of a moment, for sender reports. */
  timestampAt(now: number): number {
    const passed = ((now - this.#sentAt) * this.#codec.clockRate) / 1000;
    return Math.round(this.#timestamp + passed) >>> 0;
  }

  /** For reports.ts. */
  sendRtcp(packet: Buffer): void {
    this.#write(packet);
  }

  /** For peer.ts: a section of its connection, which may be another one than before. */
  sendBy(section: Section): void {
    this.#section = section;
    section.onMessage((packet) => {
      if (isRtcp(packet)) readSenderFeedback(packet, this.ssrc, this.#feedback);
    });
    section.onOpen(() => {
      if (section === this.#section) for (const wake of this.#waiting) wake();
    });
  }

  /** For peer.ts: that section is gone. */
  leave(section: Section): void {
    if (this.#section === section) this.#section = null;
  }

  /** For peer.ts: what an offer says of it. */
  offer(mid: string): TrackOffer {
    const { source, name, codec } = this;
    return {
      mid,
      source,
      muted: this.#muted,
      ...(name === undefined ? {} : { name }),
      ...(codec === 'opus' ? {} : { codec }),
    };
  }

  /** For media.ts: the server has answered, or another participant has muted it. */
  confirm(sid: string | null): void {
    this.#sid = sid;
  }

  /** For media.ts. */
  noteMuted(): void {
    this.#muted = true;
  }

  /** For room.ts. */
  close(): void {
    this.#closed = true;
    this.stop();
    this.#section = null;
    this.#sid = null;
    for (const wake of this.#waiting) wake();
    this.removeAllListeners();
  }

  readonly #feedback = {
    onKeyFrameWanted: (): void => {
      this.#keyFramesWanted += 1;
      this.#player?.wantKeyFrame();
      this.emit('keyFrameWanted', undefined);
    },
    onLost: (sequenceNumber: number): void => {
      const packet = this.#history[sequenceNumber % HISTORY_PACKETS];
      if (packet?.readUInt16BE(2) !== sequenceNumber) return;
      if (this.#write(packet)) this.#retransmitted += 1;
    },
    onFractionLost: (fraction: number): void => {
      this.#fractionLost = fraction / 256;
    },
  };

  #write(packet: Buffer): boolean {
    return sendBy(this.#section, packet);
  }
}
