// A participant of a media server under test: a full ICE agent as far as its checks go, the other end of DTLS, and
// SRTP. And the router's side of its transport: an observer that writes down what it hears.

import { randomBytes } from 'node:crypto';
import { Arena } from '../../../shared/native/arena.ts';
import type { DtlsContext } from '../../../shared/native/dtls-context.ts';
import type { IceSetup, SfuPath } from '../../../sfu/control.ts';
import { DATAGRAM_DTLS, DATAGRAM_RTP, demultiplex } from '../../../sfu/demultiplex.ts';
import { type IceCredentials, newIceCredentials } from '../../../sfu/ice/credentials.ts';
import { SrtpReceiver } from '../../../sfu/srtp/receiver.ts';
import { SrtpSender } from '../../../sfu/srtp/sender.ts';
import type {
  MediaCloseReason,
  MediaObserver,
  MediaTransport,
} from '../../../sfu/transport/media-transport.ts';
import { fingerprinted, message, sign, text, u32 } from '../turn/message.ts';
import { ReceivedMessage } from '../turn/received.ts';
import { CERTIFICATE_A, CERTIFICATE_B, DtlsEnd, fingerprintOf } from './dtls-end.ts';
import type { MediaWorld, Path } from './media-world.ts';

const BINDING = 0x0001;
const USERNAME = 0x0006;
const PRIORITY = 0x0024;
const USE_CANDIDATE = 0x0025;
const ICE_CONTROLLING = 0x802a;

const SSRCS = 2000;
const ROUNDS_MAX = 1000;

/** Writes down what the router would hear. */
export class Recorder implements MediaObserver {
  readonly heard: string[] = [];
  readonly rtp: Buffer[] = [];
  readonly rtcp: Buffer[] = [];
  detail = '';
  /** May act, as the router does. */
  act: (what: string) => void = () => undefined;

  onConnected(): void {
    this.#hear('connected');
  }

  onDisconnected(): void {
    this.#hear('disconnected');
  }

  onClosed(reason: MediaCloseReason, detail: string): void {
    this.detail = detail;
    this.#hear(`closed ${reason}`);
  }

  onRtp(arena: Arena, offset: number, length: number): void {
    this.rtp.push(Buffer.from(arena.bytes.slice(offset, offset + length)));
    this.act('rtp');
  }

  onRtcp(arena: Arena, offset: number, length: number): void {
    this.rtcp.push(Buffer.from(arena.bytes.slice(offset, offset + length)));
    this.act('rtcp');
  }

  #hear(what: string): void {
    this.heard.push(what);
    this.act(what);
  }
}

export interface PeerOptions {
  /** The role of the server. */
  readonly setup?: 'active' | 'passive';
  /** What the peer announces. */
  readonly fingerprints?: readonly string[];
  /** The certificate that it shows. */
  readonly context?: DtlsContext;
  /** Who hears of the transport, instead of the recorder. */
  readonly router?: MediaObserver;
}

export interface CheckOptions {
  readonly nominate?: boolean;
  readonly username?: string;
  readonly password?: string;
}

/** Where any peer works on one packet. An arena for each would be given back by the event loop alone, and late. */
const ARENA = new Arena(8192);

let nextId = 1;

export class MediaPeer {
  readonly id: number = nextId++;
  readonly world: MediaWorld;
  readonly observer: Recorder = new Recorder();
  readonly dtls: DtlsEnd;
  readonly setup: 'active' | 'passive';
  readonly fingerprints: readonly string[];
  /** The server's credentials, and the peer's. */
  local: IceCredentials = newIceCredentials();
  remote: IceCredentials = newIceCredentials();
  transport!: MediaTransport;
  /** Where it sends from. */
  path!: Path;
  readonly #router: MediaObserver;
  readonly #paths: Path[] = [];
  readonly arena: Arena = ARENA;
  sender: SrtpSender | undefined = undefined;
  receiver: SrtpReceiver | undefined = undefined;
  /** What the server sent, decrypted. */
  readonly rtp: Buffer[] = [];
  readonly rtcp: Buffer[] = [];
  /** What it answered checks with. */
  readonly answers: string[] = [];
  /** Datagrams that came of DTLS and SRTP. */
  dtlsReceived = 0;
  /** By which path the last packet of media came. */
  mediaOn: Path | undefined = undefined;
  /** What becomes of a datagram on its way, either way: so many copies arrive. */
  copies: () => number = () => 1;
  /** Puts datagrams that are on their way together into the order of their arrival. */
  reorder: (datagrams: unknown[]) => void = () => undefined;

  constructor(world: MediaWorld, context: DtlsContext, options: PeerOptions = {}) {
    this.world = world;
    this.setup = options.setup ?? 'passive';
    this.#router = options.router ?? this.observer;
    this.fingerprints = options.fingerprints ?? [CERTIFICATE_B.fingerprint];
    this.dtls = new DtlsEnd(
      options.context ?? context,
      this.setup === 'active' ? 'passive' : 'active',
    );
    this.dtls.transport.setRemoteFingerprints([fingerprintOf(CERTIFICATE_A)]);
    world.leavings.push(() => this.#free());
  }

  get ice(): IceSetup {
    return { local: this.local, remote: this.remote };
  }

  /** Asks for a transport; what came of it. */
  ask(): MediaTransport | MediaCloseReason {
    const { id, ice, fingerprints, setup, world } = this;
    return world.server.open({ id, ice, fingerprints, setup }, this.#router, world.now());
  }

  /** Has a transport, and a path to it, by which nothing has been sent yet. */
  async open(kind: SfuPath = 'udp'): Promise<this> {
    const transport = this.ask();
    if (typeof transport === 'string') throw new Error(`refused: ${transport}`);
    this.transport = transport;
    if (this.setup === 'active') this.dtls.transport.start(this.world.now());
    await this.move(kind);
    return this;
  }

  /** All the way, with the pair nominated by the first check or by the next. */
  async connect(kind: SfuPath = 'udp', nominate: 'at-once' | 'later' = 'at-once'): Promise<this> {
    await this.open(kind);
    this.check({ nominate: nominate === 'at-once' });
    await this.settle();
    this.startDtls();
    await this.settle();
    if (nominate === 'later') {
      this.check({ nominate: true });
      await this.settle();
    }
    return this;
  }

  /** To another address of its own. */
  async move(kind: SfuPath = 'udp'): Promise<Path> {
    return this.use(await this.world.path(kind));
  }

  use(path: Path): Path {
    this.path = path;
    if (!this.#paths.includes(path)) this.#paths.push(path);
    return path;
  }

  /** New credentials on both sides, as a new offer and answer have them. */
  restart(): boolean {
    this.local = newIceCredentials();
    this.remote = newIceCredentials();
    return this.transport.restart(this.ice, this.world.now());
  }

  check({ nominate = false, username, password }: CheckOptions = {}): void {
    const { local, remote } = this;
    const plain = message(BINDING, randomBytes(12), [
      text(USERNAME, username ?? `${local.ufrag}:${remote.ufrag}`),
      u32(PRIORITY, 0x6e001fff),
      [ICE_CONTROLLING, randomBytes(8)],
      ...(nominate ? [[USE_CANDIDATE, []] as const] : []),
    ]);
    this.send(fingerprinted(sign(plain, 'sha1', Buffer.from(password ?? local.password))));
  }

  /** In the active role; in the passive one it waits for the server from the beginning. */
  startDtls(): void {
    this.dtls.transport.start(this.world.now());
    this.flush();
  }

  /** Sends what DTLS has to send. */
  flush(): void {
    const datagrams = this.dtls.sent.splice(0);
    this.reorder(datagrams);
    for (const datagram of datagrams) this.send(datagram);
  }

  send(bytes: Uint8Array): void {
    for (let n = this.copies(); n > 0; n--) this.path.send(bytes);
  }

  /** The SRTP packet of an RTP packet. */
  protect(packet: Uint8Array, headerBytes = 12): Uint8Array {
    const { arena } = this;
    arena.bytes.set(packet);
    const length = packet.length - headerBytes;
    return this.#sealed(
      this.sender?.protectRtp(arena, 0, headerBytes, arena, headerBytes, length) ?? -1,
    );
  }

  /** The SRTCP packet of an RTCP compound. */
  protectRtcp(compound: Uint8Array): Uint8Array {
    this.arena.bytes.set(compound);
    return this.#sealed(this.sender?.protectRtcp(this.arena, 0, compound.length) ?? -1);
  }

  #sealed(length: number): Uint8Array {
    if (length < 0) throw new Error(`not protected: ${length}`);
    return this.arena.bytes.slice(0, length);
  }

  /** Carries on until nothing is on its way. */
  async settle(): Promise<void> {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      if ((await this.carry()) === 0) return;
    }
    throw new Error('it goes round in circles');
  }

  /** Takes what has come, and sends what that brings about; returns how many datagrams that were. */
  async carry(): Promise<number> {
    await this.world.net.settle();
    const taken = await Promise.all(
      this.#paths.map(async (path) => ({ path, datagrams: await path.take() })),
    );
    let count = 0;
    for (const { path, datagrams } of taken) {
      count += datagrams.length;
      this.reorder(datagrams);
      for (const datagram of datagrams) {
        for (let n = this.copies(); n > 0; n--) this.#receive(datagram, path);
      }
    }
    this.flush();
    return count;
  }

  #receive(datagram: Uint8Array, path: Path): void {
    const kind = demultiplex(datagram[0]);
    if (kind === DATAGRAM_DTLS) {
      this.dtlsReceived++;
      this.dtls.receive(datagram, this.world.now());
      this.#takeKeys();
    } else if (kind === DATAGRAM_RTP) {
      this.mediaOn = path;
      this.#open(datagram);
    } else {
      this.answers.push(new ReceivedMessage(Buffer.from(datagram)).outcome);
    }
  }

  #takeKeys(): void {
    const [keys] = this.dtls.keys;
    if (keys === undefined || this.sender !== undefined) return;
    this.sender = new SrtpSender(keys.profile, keys.local, SSRCS);
    this.receiver = new SrtpReceiver(keys.profile, keys.remote, SSRCS);
  }

  #open(datagram: Uint8Array): void {
    const { arena, receiver } = this;
    if (receiver === undefined) throw new Error('media before the keys');
    arena.bytes.set(datagram);
    const type = datagram[1]! & 0x7f;
    const isRtcp = type >= 64 && type <= 95;
    const length = isRtcp
      ? receiver.unprotectRtcp(arena, 0, datagram.length)
      : receiver.unprotectRtp(arena, 0, datagram.length);
    if (length < 0) throw new Error(`the server's packet is refused: ${length}`);
    (isRtcp ? this.rtcp : this.rtp).push(Buffer.from(arena.bytes.slice(0, length)));
  }

  #free(): void {
    this.sender?.close();
    this.receiver?.close();
    this.dtls.transport.close();
  }
}
