// A participant of the soak: publishes, subscribes, cuts its socket and comes back, loses its media with a worker and
// offers again, and keeps the truth of what it sends and sees.

import type { RtpReader } from '../../../sfu/rtp/rtp-reader.ts';
import type { PeerSettings } from '../sfu-live/live-peer.ts';
import { type Said, Signaling } from '../sfu-live/signaling.ts';
import { readRtcp, writeRtcp } from '../sfu-router/rtcp.ts';
import type { Chance } from '../turn/fuzz.ts';
import { slotsOf, SOURCES } from './description.ts';
import { GOOD_NETWORK, MediaEnd, type Network } from './media-end.ts';
import { SlotView } from './slot-view.ts';
import { Source, stampOf } from './source.ts';

const SSRCS_EACH = 8;
const OSN_BYTES = 2;
/** A request for a key frame may be lost as well. */
const ASK_AGAIN_MS = 500;
const OFFERS_MAX = 30;
const lost = new Uint16Array(250);

interface Binding {
  readonly mid: string;
  readonly track: string | null;
}
interface Answered {
  readonly sdp: string;
  readonly tracks: readonly { readonly mid: string; readonly sid: string }[];
  readonly bind: readonly Binding[];
}

export class Guest {
  readonly number: number;
  readonly room: string;
  readonly sources: readonly Source[];
  /** By mid. */
  readonly slots = new Map<string, SlotView>();
  /** Tracks that it does not want. */
  readonly off = new Set<string>();
  /** Tracks that the server pauses for want of bandwidth. */
  readonly paused = new Set<string>();
  network: Network = GOOD_NETWORK;
  /** Since when its media goes; Infinity while it does not. */
  upSince = Number.POSITIVE_INFINITY;
  /** Since when its media should go and does not; NaN while it does. */
  downSince = Number.NaN;
  isGone = false;
  isCut = false;
  /** What should not have happened. */
  readonly complaints: string[] = [];
  offers = 0;
  mediaLost = 0;
  /** When it last said what it wants. */
  wishedAt = 0;
  resumedAt = 0;
  readonly #settings: PeerSettings;
  readonly #chance: Chance;
  #signaling!: Signaling;
  #media: MediaEnd | undefined;
  #session = { id: '', secret: '' };
  #lastSeq = 0;
  #byStream = new Map<number, SlotView>();
  #nextOffer = 1;

  private constructor(number: number, room: string, settings: PeerSettings, chance: Chance) {
    this.number = number;
    this.room = room;
    this.#settings = settings;
    this.#chance = chance;
    const ssrc = 0x1000_0000 + number * SSRCS_EACH;
    this.sources = SOURCES.map((name, i) => new Source(number, i, name, ssrc + 2 * i + (i >> 1)));
  }

  static async join(
    number: number,
    room: string,
    settings: PeerSettings,
    chance: Chance,
  ): Promise<Guest> {
    const guest = new Guest(number, room, settings, chance);
    guest.#listen(await Signaling.open(settings.url));
    guest.downSince = performance.now();
    const media = await guest.#newMedia();
    const joined = await guest.#signaling.request({
      type: 'join',
      token: settings.token,
      offer: { id: guest.#nextOffer++, sdp: media.offer() },
      tracks: guest.#wanted(),
      want: { audio: 6, video: 12 },
    });
    if (joined.type !== 'joined') {
      media.closeMedia();
      guest.#signaling.drop();
      throw new Error(`not joined: ${JSON.stringify(joined)}`);
    }
    guest.#session = joined['session'] as { id: string; secret: string };
    guest.#lastSeq = Math.max(guest.#lastSeq, Number(joined['s']));
    await guest.#start(media, joined['answer'] as Answered);
    return guest;
  }

  /** Frames of all that is published. */
  frame(): void {
    const media = this.#media;
    if (media?.isUp !== true || media.isClosed) return;
    const seal = (packet: Buffer): Buffer => media.protect(packet);
    for (const source of this.sources) if (source.sid !== '') source.frame(seal, media.sendMedia);
  }

  /** Everything that the sources say from now on, whether the server takes it or not. */
  async publish(): Promise<void> {
    const media = this.#media;
    if (media === undefined || media.isClosed) return;
    const reply = await this.#offer(media, {});
    if (reply.type === 'answer') this.#take(reply as unknown as Answered);
    else if (reply.type === 'error') this.complaints.push(`offer: ${JSON.stringify(reply)}`);
  }

  async mute(source: Source, muted: boolean): Promise<void> {
    if (source.sid === '') return;
    const reply = await this.#signaling.request({ type: 'mute', track: source.sid, muted });
    if (reply.type !== 'ok') return;
    source.muted = muted;
    source.since = performance.now();
  }

  /** The server knows some of the tracks no more at times, and takes none of it then. */
  async subscribe(tracks: readonly { track: string; on?: boolean }[]): Promise<void> {
    const reply = await this.#signaling.request({ type: 'subscribe', tracks });
    if (reply.type !== 'ok') return;
    for (const { track, on } of tracks) {
      if (on === true) this.off.delete(track);
      if (on === false) this.off.add(track);
    }
    this.wishedAt = performance.now();
  }

  /** Cuts the WebSocket, and comes back after a while. */
  async resume(afterMs: number): Promise<void> {
    this.isCut = true;
    const { nextId } = this.#signaling;
    this.#signaling.drop();
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    if (this.isGone) return;
    this.#listen(await Signaling.open(this.#settings.url, nextId));
    const { id, secret } = this.#session;
    const session = { id, secret, lastSeq: this.#lastSeq };
    const reply = await this.#signaling.request({ type: 'join', session });
    this.isCut = false;
    this.resumedAt = performance.now();
    if (reply.type !== 'joined') {
      this.complaints.push(`resume: ${JSON.stringify(reply)}`);
      return;
    }
    if (reply['resumed'] !== true) this.complaints.push('resume: not resumed');
    if (reply['lost'] === true) {
      const media = reply['media'] as { bind: Binding[] } | undefined;
      if (media === undefined) void this.#reopen();
      else this.#bind(media.bind);
    }
  }

  /** The socket goes on to be open at the server's side. */
  vanish(): void {
    this.#end();
    this.#signaling.drop();
  }

  async leave(): Promise<void> {
    this.#end();
    await this.#signaling.leave();
  }

  /** Bytes that are none of WebRTC's, from where its media comes. */
  throwAtServer(bytes: Uint8Array): void {
    if (this.#media?.isClosed === false) this.#media.send(bytes);
  }

  /** Of the server, for it. */
  get mediaPort(): number {
    return this.#media?.answered.udp.port ?? 0;
  }

  get isUp(): boolean {
    return this.#media?.isUp === true && this.upSince !== Number.POSITIVE_INFINITY;
  }

  #end(): void {
    this.isGone = true;
    this.#media?.closeMedia();
    for (const source of this.sources) source.sid = '';
  }

  #listen(signaling: Signaling): void {
    this.#signaling = signaling;
    signaling.onPush = (said) => this.#hear(said);
  }

  #hear(said: Said): void {
    if (this.isGone) return;
    if (typeof said['s'] === 'number') this.#lastSeq = said['s'];
    if (said.type === 'bind') this.#bind(said['map'] as Binding[]);
    else if (said.type === 'bye') this.complaints.push(`bye: ${said.reason}`);
    else if (said.type === 'subs') {
      for (const { track, state } of said['subs'] as { track: string; state: string }[]) {
        if (state === 'paused') this.paused.add(track);
        else this.paused.delete(track);
      }
    } else if (said.type === 'media') {
      this.mediaLost++;
      if (said.reason !== 'worker') this.complaints.push(`media lost: ${said.reason}`);
      void this.#reopen();
    }
  }

  async #newMedia(): Promise<MediaEnd> {
    return MediaEnd.open(this.#settings, this.#signaling, this.#chance);
  }

  /** Another connection, after the server has given the last one up. */
  async #reopen(): Promise<void> {
    this.#media?.closeMedia();
    this.upSince = Number.POSITIVE_INFINITY;
    this.downSince = performance.now();
    for (const source of this.sources) source.since = Number.POSITIVE_INFINITY;
    const media = await this.#newMedia();
    this.#media = media;
    for (let tries = 0; tries < OFFERS_MAX && !this.isGone; tries++) {
      const reply = await this.#offer(media, { reset: true });
      if (this.#media !== media) break;
      if (reply.type === 'answer') {
        await this.#start(media, reply as unknown as Answered);
        return;
      }
      if (reply.type === 'error' && reply.reason !== 'MEDIA_UNAVAILABLE') {
        this.complaints.push(`offer again: ${JSON.stringify(reply)}`);
        break;
      }
      const wait = Number(reply['retryAfterMs'] ?? 500);
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
    media.closeMedia();
  }

  #offer(media: MediaEnd, more: object): Promise<Said> {
    this.offers++;
    const id = this.#nextOffer++;
    const tracks = this.#wanted();
    return this.#signaling.request({ type: 'offer', id, sdp: media.offer(), tracks, ...more });
  }

  #wanted(): object[] {
    return this.sources
      .filter(({ wanted }) => wanted)
      .map(({ name }) => ({ mid: name, source: name }));
  }

  async #start(media: MediaEnd, answer: Answered): Promise<void> {
    this.#media = media;
    media.take(answer);
    for (const source of this.sources) source.restart();
    this.#take(answer);
    media.onMedia = (rtp, packet) => this.#receive(rtp, packet);
    media.onRtcp = (datagram) => this.#hearRtcp(media, datagram);
    media.onTick = (now) => this.#tick(media, now);
    try {
      await media.start();
    } catch (error) {
      if (media.isClosed) return;
      this.complaints.push(String(error));
      return;
    }
    if (media.isClosed) return;
    this.upSince = performance.now();
    this.downSince = Number.NaN;
  }

  #take({ sdp, tracks, bind }: Answered): void {
    const now = performance.now();
    for (const source of this.sources) {
      const sid = tracks.find(({ mid }) => mid === source.name)?.sid ?? '';
      if (sid !== source.sid || source.since === Number.POSITIVE_INFINITY) source.since = now;
      if (sid !== source.sid) source.muted = false;
      source.sid = sid;
    }
    const known = new Map([...this.slots.values()].map((slot) => [slot.streams.ssrc, slot]));
    this.#byStream = new Map();
    this.slots.clear();
    for (const streams of slotsOf(sdp)) {
      const slot = known.get(streams.ssrc) ?? new SlotView(streams);
      this.slots.set(streams.mid, slot);
      this.#byStream.set(streams.ssrc, slot);
      if (streams.rtxSsrc !== 0) this.#byStream.set(streams.rtxSsrc, slot);
    }
    this.#bind(bind);
  }

  #bind(map: readonly Binding[]): void {
    const now = performance.now();
    for (const { mid, track } of map) this.slots.get(mid)?.bind(track ?? '', now);
  }

  /** @param rtp of `packet` */
  #receive(rtp: RtpReader, packet: Buffer): void {
    const slot = this.#byStream.get(rtp.ssrc);
    if (slot === undefined) {
      this.complaints.push(`an SSRC that was not announced: ${rtp.ssrc}`);
      return;
    }
    const isRepair = rtp.ssrc === slot.streams.rtxSsrc;
    // What probes the network is padding alone.
    if (isRepair && rtp.payloadBytes < OSN_BYTES) return;
    const sequence = isRepair ? packet.readUInt16BE(rtp.payloadOffset) : rtp.sequenceNumber;
    const stamp = stampOf(packet.subarray(0, rtp.payloadOffset + rtp.payloadBytes));
    const isShown = stamp !== undefined && this.isOf(slot.track, stamp.guest, stamp.source);
    slot.receive(sequence, stamp, isShown, performance.now());
  }

  /** Whether a track is that of a guest; told by who knows all. */
  isOf: (track: string, guest: number, source: number) => boolean = () => false;

  #hearRtcp(media: MediaEnd, datagram: Buffer): void {
    for (const { type, media: ssrc, lost: missed = [] } of readRtcp(datagram)) {
      for (const { encodings } of this.sources) {
        const encoding = encodings.find((one) => one.ssrc === ssrc);
        if (encoding === undefined) continue;
        if (type === 'pli') encoding.wantsKey = true;
        if (type !== 'nack') continue;
        for (const sequence of missed) {
          const sealed = encoding.sent(sequence);
          if (sealed !== undefined) media.sendMedia(sealed);
        }
      }
    }
  }

  #tick(media: MediaEnd, now: number): void {
    if (media.isClosed) return;
    media.network = this.network;
    media.tell(now);
    for (const slot of this.slots.values()) {
      const { ssrc } = slot.streams;
      const count = slot.missing(now, lost);
      if (count > 0) media.sendRtcp(writeRtcp((to) => to.nack(1, ssrc, lost, count)));
      if (slot.track === '' || !(now - slot.askedAt > ASK_AGAIN_MS)) continue;
      if (Number.isNaN(slot.wantsKeySince)) continue;
      slot.askedAt = now;
      media.sendRtcp(writeRtcp((to) => to.pictureLoss(1, ssrc)));
    }
  }
}
