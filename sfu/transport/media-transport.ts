// One participant's transport: where ICE says it is, DTLS with it for the keys, then SRTP both ways (RFC 5764,
// RFC 8834). Sans-I/O. Made by MediaServer, which hands it what comes from addresses that its ICE session has
// validated; used by the router. Allocates: nothing per packet but what SRTP does.

import type { Arena } from '../../shared/native/arena.ts';
import type { DtlsContext } from '../../shared/native/dtls-context.ts';
import { copyBytes } from '../../shared/net/copy-bytes.ts';
import { Timer, type Timers } from '../../shared/net/timer-wheel.ts';
import type { IceSetup, ImpairOrder, LinkReport, SfuPath, SfuTransportState } from '../control.ts';
import { parseFingerprint } from '../dtls/fingerprint.ts';
import { type DtlsCloseReason, type DtlsSink, DtlsTransport } from '../dtls/transport.ts';
import type { IceLite } from '../ice/ice-lite.ts';
import type { IceObserver, IceSession } from '../ice/ice-session.ts';
import type { RtpWriter } from '../rtp/rtp-writer.ts';
import { type SrtpKeys, wipeSrtpKeys } from '../srtp/profile.ts';
import { TokenBucket } from '../../shared/token-bucket.ts';
import { SrtpReceiver } from '../srtp/receiver.ts';
import { SrtpSender } from '../srtp/sender.ts';
import { DROP_NO_KEYS, DROP_TOO_FAST, DROP_TOO_LARGE, dropReasonOf } from './drop-reason.ts';
import { type ImpairHost, Impairment } from './impairment.ts';
import {
  ICE_TIMEOUT_MS,
  DTLS_COST,
  PACKET_BYTES_MAX,
  PACKETS_AT_ONCE_MAX,
  PACKETS_PER_SECOND_MAX,
  SSRCS_RECEIVED_MAX,
  SSRCS_SENT_MAX,
} from './limits.ts';
import { type Outlet, pathOf } from './outlet.ts';

/** RFC 5761 s4: payload types of RTP that RTCP packet types would look like, with the marker bit set. */
const RTCP_TYPE_MIN = 64;
const RTCP_TYPE_MAX = 95;

/** Why a transport is closed without the owner's doing, or could not be opened. */
export type MediaCloseReason = DtlsCloseReason | 'ice-timeout' | 'ice-in-use' | 'full';

/** What the router hears of a transport. It may call any method of it from any of these. */
export interface MediaObserver {
  /** Packets can be sent: the first time, and again after `onDisconnected`. */
  onConnected(now: number): void;
  /** Nothing can be sent until `onConnected` comes again (RFC 7675). */
  onDisconnected(now: number): void;
  /** Once, unless the owner closes; nothing else follows. `detail` is for a log. */
  onClosed(reason: MediaCloseReason, detail: string): void;
  /**
   * An authentic RTP packet, decrypted; good until the call returns, and writable. The first ones may come just before
   * `onConnected`, while the peer has yet to nominate a pair.
   */
  onRtp(arena: Arena, offset: number, length: number, now: number): void;
  /** An authentic RTCP compound, as `onRtp`. */
  onRtcp(arena: Arena, offset: number, length: number, now: number): void;
}

export interface TransportSetup {
  /** Unique in the process. */
  readonly id: number;
  readonly ice: IceSetup;
  /** The peer's, as `a=fingerprint` has them. */
  readonly fingerprints: readonly string[];
  /** Our role in DTLS. */
  readonly setup: 'active' | 'passive';
}

/** What the transports of a worker share. */
export interface TransportHost {
  readonly ice: IceLite<MediaTransport>;
  readonly outlet: Outlet;
  readonly dtls: DtlsContext;
  readonly timers: Timers;
  /** Where a packet lies while it is unprotected and looked at. */
  readonly scratch: Arena;
  readonly impair: ImpairHost;
  drop(reason: number): void;
  /** Once, when it is connected for the first time. */
  onSettled(transport: MediaTransport): void;
  /** Once, when it is closed, by whomever; its ICE session still knows where the peer was, and is the host's to close. */
  onEnd(transport: MediaTransport, session: IceSession<MediaTransport>): void;
}

export class MediaTransport implements IceObserver {
  readonly id: number;
  readonly #host: TransportHost;
  readonly #observer: MediaObserver;
  readonly #dtls: DtlsTransport;
  readonly #timer: Timer;
  readonly #budget = new TokenBucket(PACKETS_PER_SECOND_MAX, PACKETS_AT_ONCE_MAX);
  /** Undefined before the beginning and after the end. */
  #session: IceSession<MediaTransport> | undefined = undefined;
  #sender: SrtpSender | undefined = undefined;
  #receiver: SrtpReceiver | undefined = undefined;
  /** Undefined unless somebody has asked for a bad network. */
  #impairment: Impairment | undefined = undefined;
  #state: SfuTransportState = 'new';
  /** When a pair must be nominated; Infinity while one is. */
  #iceDeadline: number;
  /** What came authentic and what went out, SRTP and SRTCP. */
  #packetsIn = 0;
  #bytesIn = 0;
  #packetsOut = 0;
  #bytesOut = 0;

  private constructor(
    host: TransportHost,
    { id, setup }: TransportSetup,
    observer: MediaObserver,
    now: number,
  ) {
    this.id = id;
    this.#host = host;
    this.#observer = observer;
    const sink: DtlsSink = {
      send: (bytes, offset, length) => this.#sendDtls(bytes, offset, length),
      onConnected: (keys) => this.#takeKeys(keys),
      onClosed: (reason, detail) => this.#end(reason, detail),
    };
    this.#dtls = new DtlsTransport(host.dtls, setup, sink);
    this.#timer = new Timer((at) => this.#onTimer(at));
    this.#iceDeadline = now + ICE_TIMEOUT_MS;
  }

  /** Called by MediaServer. Returns why not where it cannot be. */
  static open(
    host: TransportHost,
    setup: TransportSetup,
    observer: MediaObserver,
    now: number,
  ): MediaTransport | MediaCloseReason {
    const transport = new MediaTransport(host, setup, observer, now);
    const fingerprints = setup.fingerprints.flatMap((text) => parseFingerprint(text) ?? []);
    if (!transport.#dtls.setRemoteFingerprints(fingerprints)) return 'fingerprint-mismatch';
    transport.#session = host.ice.open(transport, setup.ice.remote, setup.ice.local);
    if (transport.#session === undefined) return 'ice-in-use';
    transport.#setTimer();
    return transport;
  }

  get state(): SfuTransportState {
    return this.#state;
  }

  /** How the nominated pair goes; empty when there is none. */
  get path(): SfuPath | '' {
    const selected = this.#session?.selected;
    return selected === undefined ? '' : pathOf(selected.socket);
  }

  report(now: number): LinkReport {
    const selected = this.#session?.selected;
    const { outlet } = this.#host;
    return {
      path: this.path,
      family:
        selected === undefined
          ? null
          : outlet.outsideAddress(selected.socket, selected.remote).family,
      consentAgeMs: selected === undefined ? null : Math.round(now - selected.checkedAt),
      dtlsCipher: this.#dtls.cipher,
      srtpProfile: this.#sender?.profile.name ?? null,
      packetsIn: this.#packetsIn,
      bytesIn: this.#bytesIn,
      packetsOut: this.#packetsOut,
      bytesOut: this.#bytesOut,
    };
  }

  /**
   * ICE restart (RFC 8445 s9): media goes on where it goes until the peer has nominated anew. Gives a peer that is
   * disconnected as long again. False when the transport is closed or our username fragment in use.
   */
  restart({ local, remote }: IceSetup, now: number): boolean {
    const session = this.#session;
    if (session === undefined || this.#host.ice.restart(session, remote, local) === undefined) {
      return false;
    }
    if (this.#iceDeadline !== Infinity) this.#iceDeadline = now + ICE_TIMEOUT_MS;
    this.#setTimer();
    this.#impairment?.onRestart(now);
    return true;
  }

  /** Makes its network bad, as far as that is told, or as it was. Ends by itself. */
  impair(order: ImpairOrder, now: number): void {
    const session = this.#session;
    if (session === undefined) return;
    const { impair } = this.#host;
    this.#impairment ??= new Impairment(impair, now, () => this.#lift());
    session.filter = this.#impairment;
    this.#impairment.apply(order, now);
  }

  /**
   * Sends an RTP packet: a header, and a payload that is taken from wherever it lies, without a copy. Returns the bytes
   * of the protected packet; 0 when none was sent: no pair with consent, no keys, closed, no room, a sequence number
   * that has been there. Allocates nothing of its own.
   */
  sendRtp(
    header: RtpWriter,
    from: Arena,
    payloadOffset: number,
    payloadBytes: number,
    now: number,
  ): number {
    const tuple = this.#session?.destination(now);
    const sender = this.#sender;
    if (tuple === undefined || sender === undefined) return 0;
    const { outlet } = this.#host;
    const { headerBytes } = header;
    const length = headerBytes + payloadBytes + sender.profile.tagBytes;
    const at = outlet.claim(tuple.socket, tuple.remote, length, this.#through(now));
    if (at < 0) return 0;
    const { arena } = outlet;
    header.write(arena.bytes, at);
    const sent = sender.protectRtp(arena, at, headerBytes, from, payloadOffset, payloadBytes);
    if (sent < 0) {
      outlet.unclaim();
      return 0;
    }
    outlet.commit();
    this.#packetsOut++;
    this.#bytesOut += sent;
    return sent;
  }

  /** Sends an RTCP compound, of which it takes a copy. False when none was sent, as for RTP. */
  sendRtcp(from: Arena, offset: number, length: number, now: number): boolean {
    const tuple = this.#session?.destination(now);
    const sender = this.#sender;
    if (tuple === undefined || sender === undefined) return false;
    const { outlet } = this.#host;
    const total = length + sender.profile.rtcpTrailerBytes;
    const at = outlet.claim(tuple.socket, tuple.remote, total, this.#through(now));
    if (at < 0) return false;
    const { arena } = outlet;
    copyBytes(arena.bytes, at, from.bytes, offset, length);
    if (sender.protectRtcp(arena, at, length) < 0) {
      outlet.unclaim();
      return false;
    }
    outlet.commit();
    this.#packetsOut++;
    this.#bytesOut += total;
    return true;
  }

  /** Says close_notify, if there is somebody to say it to, and frees everything. Idempotent; `onClosed` is not called. */
  close(): void {
    const session = this.#session;
    if (session === undefined) return;
    this.#dtls.close();
    this.#session = undefined;
    this.#state = 'closed';
    this.#host.timers.cancel(this.#timer);
    this.#lift();
    session.filter = undefined;
    this.#sender?.close();
    this.#sender = undefined;
    this.#receiver?.close();
    this.#receiver = undefined;
    this.#host.onEnd(this, session);
  }

  /** A DTLS datagram from an address that this session has validated; called by MediaServer, as what follows. */
  receiveDtls(bytes: Uint8Array, offset: number, length: number, now: number): void {
    if (length > PACKET_BYTES_MAX) return this.#host.drop(DROP_TOO_LARGE);
    // The handshake has bounds of its own.
    const cost = this.#receiver === undefined ? 0 : DTLS_COST;
    if (!this.#budget.spend(cost, now)) return this.#host.drop(DROP_TOO_FAST);
    this.#dtls.receive(bytes, offset, length, now);
    this.#goOn(now);
  }

  /** SRTP or SRTCP from there. */
  receiveMedia(bytes: Uint8Array, offset: number, length: number, now: number): void {
    const receiver = this.#receiver;
    const { scratch } = this.#host;
    if (receiver === undefined) return this.#host.drop(DROP_NO_KEYS);
    if (length > PACKET_BYTES_MAX) return this.#host.drop(DROP_TOO_LARGE);
    if (!this.#budget.spend(1, now)) return this.#host.drop(DROP_TOO_FAST);
    copyBytes(scratch.bytes, 0, bytes, offset, length);
    const type = scratch.bytes[1]! & 0x7f;
    const isRtcp = type >= RTCP_TYPE_MIN && type <= RTCP_TYPE_MAX;
    const plain = isRtcp
      ? receiver.unprotectRtcp(scratch, 0, length)
      : receiver.unprotectRtp(scratch, 0, length);
    if (plain < 0) return this.#host.drop(dropReasonOf(plain));
    this.#packetsIn++;
    this.#bytesIn += length;
    if (isRtcp) this.#observer.onRtcp(scratch, 0, plain, now);
    else this.#observer.onRtp(scratch, 0, plain, now);
  }

  onChecked(_tuple: unknown, now: number): void {
    this.#startDtls(now);
    this.#goOn(now);
  }

  onSelected(_tuple: unknown, now: number): void {
    this.#iceDeadline = Infinity;
    this.#startDtls(now);
    this.#goOn(now);
  }

  onConsentLost(now: number): void {
    if (this.#iceDeadline === Infinity) this.#iceDeadline = now + ICE_TIMEOUT_MS;
    this.#setTimer();
    if (this.#state !== 'connected') return;
    this.#state = 'disconnected';
    this.#observer.onDisconnected(now);
  }

  #startDtls(now: number): void {
    if (this.#state !== 'new') return;
    this.#state = 'connecting';
    this.#dtls.start(now);
  }

  /** After whatever ICE or DTLS has done: they may come to be connected in either order. */
  #goOn(now: number): void {
    const session = this.#session;
    if (session === undefined) return;
    this.#setTimer();
    const isUp = this.#sender !== undefined && session.state === 'connected';
    if (!isUp || this.#state === 'connected') return;
    const isFirst = this.#state !== 'disconnected';
    this.#state = 'connected';
    if (isFirst) this.#host.onSettled(this);
    this.#observer.onConnected(now);
  }

  #onTimer(now: number): void {
    if (now >= this.#iceDeadline) {
      this.#end('ice-timeout', '');
      return;
    }
    this.#through(now);
    this.#dtls.handleTimeout(now);
    this.#goOn(now);
  }

  #setTimer(): void {
    const at = Math.min(this.#iceDeadline, this.#dtls.nextTimeout());
    if (at === Infinity) this.#host.timers.cancel(this.#timer);
    else this.#host.timers.schedule(this.#timer, at);
  }

  #takeKeys(keys: SrtpKeys): void {
    try {
      this.#sender = new SrtpSender(keys.profile, keys.local, SSRCS_SENT_MAX);
      this.#receiver = new SrtpReceiver(keys.profile, keys.remote, SSRCS_RECEIVED_MAX);
      const session = this.#session;
      if (session !== undefined && this.#host.ice.selectPath(session)) this.#iceDeadline = Infinity;
    } finally {
      wipeSrtpKeys(keys);
    }
  }

  /** To the selected pair; before there is one, to the pair that was checked last. */
  #sendDtls(bytes: Uint8Array, offset: number, length: number): void {
    const path = this.#session?.path;
    if (path === undefined) return;
    const by = this.#impairment ?? this.#host.outlet;
    by.send(path.socket, path.remote, bytes, offset, length);
  }

  /** Who is to have what is sent now, instead of the engine. */
  #through(now: number): Impairment | undefined {
    const impairment = this.#impairment;
    if (impairment !== undefined) impairment.now = now;
    return impairment;
  }

  #lift(): void {
    this.#impairment?.free();
    this.#impairment = undefined;
    if (this.#session !== undefined) this.#session.filter = undefined;
  }

  #end(reason: MediaCloseReason, detail: string): void {
    this.close();
    this.#observer.onClosed(reason, detail);
  }
}
