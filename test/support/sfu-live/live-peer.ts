// A participant of a running server over its real sockets, honest or not: signaling, ICE checks, the other end of DTLS,
// SRTP. Nothing it does is checked on the way out, so it can also do what no browser does.

import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { Arena } from '../../../shared/native/arena.ts';
import type { DtlsContext } from '../../../shared/native/dtls-context.ts';
import { DATAGRAM_DTLS, DATAGRAM_RTP, demultiplex } from '../../../sfu/demultiplex.ts';
import { parseFingerprint } from '../../../sfu/dtls/fingerprint.ts';
import { type IceCredentials, newIceCredentials } from '../../../sfu/ice/credentials.ts';
import { rtpHeaderBytes } from '../../../sfu/rtp/rtp-header.ts';
import { SrtpReceiver } from '../../../sfu/srtp/receiver.ts';
import { SrtpSender } from '../../../sfu/srtp/sender.ts';
import { CERTIFICATE_B, DtlsEnd } from '../sfu/dtls-end.ts';
import { fingerprinted, message, sign, text, u32 } from '../turn/message.ts';
import { type Answered, offerText, readAnswer, tracksOf, type Wanted } from './description.ts';
import { type Said, Signaling } from './signaling.ts';

const BINDING = 0x0001;
const USERNAME = 0x0006;
const PRIORITY = 0x0024;
const USE_CANDIDATE = 0x0025;
const ICE_CONTROLLING = 0x802a;
/** RFC 7675 s5.1: well below the 30 s of consent. */
const CHECK_EVERY_MS = 2000;
const TICK_MS = 20;
/** More than any server has. */
const SSRCS = 20_000;
const CONNECTED_WITHIN_MS = 30_000;

export interface PeerSettings {
  readonly url: string;
  readonly token: string;
  readonly context: DtlsContext;
  readonly wanted: Wanted;
}

/** The server says no to a join. */
export class JoinRefused extends Error {
  readonly reason: unknown;

  constructor(answer: Said) {
    super(`not joined: ${JSON.stringify(answer)}`);
    this.reason = answer['reason'];
  }
}

export interface CheckOptions {
  readonly nominate?: boolean;
  readonly username?: string;
  readonly password?: string;
}

const arena = new Arena(8192);

export class LivePeer {
  readonly settings: PeerSettings;
  readonly signaling: Signaling;
  readonly #socket: Socket;
  dtls: DtlsEnd;
  ice: IceCredentials = newIceCredentials();
  answered!: Answered;
  /** What the server calls the tracks that it publishes. */
  tracks: string[] = [];
  /** Answers to checks. */
  stunReceived = 0;
  #sender: SrtpSender | undefined;
  #receiver: SrtpReceiver | undefined;
  readonly #timers: NodeJS.Timeout[] = [];
  #offers = 1;
  onRtp: (packet: Buffer) => void = () => undefined;
  onRtcp: (datagram: Buffer) => void = () => undefined;
  isClosed = false;
  /** Every few milliseconds. */
  onTick: (now: number) => void = () => undefined;

  protected constructor(settings: PeerSettings, signaling: Signaling, socket: Socket) {
    this.settings = settings;
    this.signaling = signaling;
    this.#socket = socket;
    this.dtls = new DtlsEnd(settings.context, 'active');
    socket.on('message', (datagram) => this.#receive(datagram));
  }

  /** Has joined, and has an answer; nothing has been sent to the media port. */
  static async join(settings: PeerSettings): Promise<LivePeer> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    socket.setRecvBufferSize(1 << 22);
    const signaling = await Signaling.open(settings.url);
    const peer = new LivePeer(settings, signaling, socket);
    const joined = await signaling.request({
      type: 'join',
      token: settings.token,
      offer: { id: 1, sdp: peer.offer() },
      tracks: tracksOf(settings.wanted),
    });
    if (joined.type !== 'joined') {
      socket.close();
      signaling.drop();
      throw new JoinRefused(joined);
    }
    peer.take(joined['answer']);
    return peer;
  }

  /** The same all the way. */
  static async connect(settings: PeerSettings): Promise<LivePeer> {
    const peer = await LivePeer.join(settings);
    await peer.start();
    return peer;
  }

  /** ICE, DTLS, and then checks and timeouts as long as it lives. */
  async start(): Promise<void> {
    this.check({ nominate: true });
    this.dtls.transport.start(performance.now());
    this.flush();
    this.#timers.push(
      setInterval(() => this.check({ nominate: true }), CHECK_EVERY_MS),
      setInterval(() => this.#tick(performance.now()), TICK_MS),
    );
    const deadline = performance.now() + CONNECTED_WITHIN_MS;
    while (this.#sender === undefined) {
      if (this.isClosed) throw new Error('closed before it was connected');
      if (performance.now() > deadline) throw new Error(`never connected: ${this.signaling.bye}`);
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
  }

  get isUp(): boolean {
    return this.#sender !== undefined && this.dtls.closed.length === 0;
  }

  offer(wanted: Wanted = this.settings.wanted): string {
    return offerText(wanted, this.ice, CERTIFICATE_B.fingerprint);
  }

  /** A further offer, whatever it says and whatever comes of it. */
  async offerAgain(sdp: string, more: object = {}): Promise<Said> {
    return this.signaling.request({
      type: 'offer',
      id: ++this.#offers,
      sdp,
      tracks: tracksOf(this.settings.wanted),
      ...more,
    });
  }

  take(answer: unknown): void {
    const { sdp, tracks } = answer as { sdp: string; tracks: { sid: string }[] };
    this.answered = readAnswer(sdp);
    this.tracks = tracks.map(({ sid }) => sid);
    const fingerprint = parseFingerprint(this.answered.fingerprint);
    if (fingerprint) this.dtls.transport.setRemoteFingerprints([fingerprint]);
  }

  checkBytes({ nominate = false, username, password }: CheckOptions = {}): Buffer {
    const { ufrag, password: ours } = this.answered.ice;
    const plain = message(BINDING, randomBytes(12), [
      text(USERNAME, username ?? `${ufrag}:${this.ice.ufrag}`),
      u32(PRIORITY, 0x6e001fff),
      [ICE_CONTROLLING, randomBytes(8)],
      ...(nominate ? [[USE_CANDIDATE, []] as const] : []),
    ]);
    return Buffer.from(fingerprinted(sign(plain, 'sha1', Buffer.from(password ?? ours))));
  }

  check(options: CheckOptions = {}): void {
    this.send(this.checkBytes(options));
  }

  /** Any datagram. */
  send(bytes: Uint8Array): void {
    this.#socket.send(bytes, this.answered.udp.port, this.answered.udp.host);
  }

  /** The SRTP packet of an RTP packet, or of what has at least its header. */
  protect(packet: Uint8Array): Buffer {
    const header = rtpHeaderBytes(packet, 0, packet.length);
    return this.#seal(packet, (sender) =>
      sender.protectRtp(arena, 0, header, arena, header, packet.length - header),
    );
  }

  protectRtcp(datagram: Uint8Array): Buffer {
    return this.#seal(datagram, (sender) => sender.protectRtcp(arena, 0, datagram.length));
  }

  sendRtp(packet: Uint8Array): void {
    this.send(this.protect(packet));
  }

  sendRtcp(datagram: Uint8Array): void {
    this.send(this.protectRtcp(datagram));
  }

  /** What DTLS has to send. */
  flush(): void {
    for (const datagram of this.dtls.sent.splice(0)) this.send(datagram);
  }

  async leave(): Promise<void> {
    await this.signaling.leave();
    this.closeMedia();
  }

  /** Without a word to the server; signaling stays. */
  closeMedia(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    this.#socket.close();
    this.#sender?.close();
    this.#receiver?.close();
    this.dtls.transport.close();
  }

  #seal(bytes: Uint8Array, protect: (sender: SrtpSender) => number): Buffer {
    if (this.#sender === undefined) throw new Error('no keys yet');
    arena.bytes.set(bytes);
    const length = protect(this.#sender);
    if (length < 0) throw new Error(`not protected: ${length}`);
    return Buffer.from(arena.bytes.slice(0, length));
  }

  #tick(now: number): void {
    const { transport } = this.dtls;
    if (now >= transport.nextTimeout()) transport.handleTimeout(now);
    this.flush();
    if (this.isUp) this.onTick(now);
  }

  #receive(datagram: Buffer): void {
    const kind = demultiplex(datagram[0]);
    if (kind === DATAGRAM_DTLS) {
      this.dtls.receive(datagram, performance.now());
      this.#takeKeys();
      this.flush();
    } else if (kind === DATAGRAM_RTP) this.#open(datagram);
    else this.stunReceived++;
  }

  #takeKeys(): void {
    const [keys] = this.dtls.keys;
    if (keys === undefined || this.#sender !== undefined) return;
    this.#sender = new SrtpSender(keys.profile, keys.local, SSRCS);
    this.#receiver = new SrtpReceiver(keys.profile, keys.remote, SSRCS);
  }

  #open(datagram: Buffer): void {
    // The first packets may overtake the end of the handshake.
    const receiver = this.#receiver;
    if (receiver === undefined) return;
    arena.bytes.set(datagram);
    const type = datagram[1]! & 0x7f;
    const isRtcp = type >= 64 && type <= 95;
    const length = isRtcp
      ? receiver.unprotectRtcp(arena, 0, datagram.length)
      : receiver.unprotectRtp(arena, 0, datagram.length);
    if (length < 0) return;
    const plain = Buffer.from(arena.bytes.slice(0, length));
    if (isRtcp) this.onRtcp(plain);
    else this.onRtp(plain);
  }
}
