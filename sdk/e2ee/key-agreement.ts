// Who has which key in one session of a room. Everybody says who it is (hello), gives each other one a key of the two
// (seal), and tells its newest chain key under it (key): with the next generation of it to who comes, so that what was
// before stays closed, and with a new one to all that are left when somebody goes. No I/O: messages, time and timers
// are its owner's, room-crypto.ts. Whatever others send, nothing throws.

import { AgreementPeer } from './agreement-peer.ts';
import { isSame, uint32 } from './bytes.ts';
import type { Bytes } from './bytes.ts';
import { fingerprintOf } from './identity.ts';
import type { Identity } from './identity.ts';
import { RecordReader, RecordWriter } from './key-records.ts';
import {
  ADVANCE_EVERY_MS,
  ASKS_MAX,
  ASK_AGAIN_MS,
  GENERATION_MAX,
  SWITCH_AFTER_MS,
  SWITCH_LATEST_MS,
  WAITING_MAX,
} from './limits.ts';
import { newChain, nextGeneration } from './media-key.ts';
import type { ChainKey } from './media-key.ts';
import {
  helloHash,
  isHelloSigned,
  isSealSigned,
  SessionKeys,
  sealTranscript,
  signSeal,
} from './session-keys.ts';
import type { Place } from './session-keys.ts';
import type { Trust } from './trust.ts';
import { readMessage, writeHello, writeKey, writeSeal } from './wire.ts';
import type { Hello, Message, Seal } from './wire.ts';

export interface AgreementOptions {
  readonly identity: Identity;
  readonly place: Place;
  readonly trust: Trust;
  readonly now: () => number;
  /** Returns what takes it back. */
  readonly after: (ms: number, run: () => void) => () => void;
}

export interface AgreementSink {
  /** To everybody with null. Resolves when the server has passed it on, or has refused to. */
  send(to: string | null, message: Bytes): Promise<void>;
  /** Frames of ours are sealed with it from now on. */
  useSendKey(chain: ChainKey): void;
  useReceiveKey(sid: string, chain: ChainKey): void;
  /** What is known of that participant has changed. */
  onPeer(peer: AgreementPeer): void;
}

export class KeyAgreement {
  readonly #options: AgreementOptions;
  readonly #sink: AgreementSink;
  readonly #peers = new Map<string, AgreementPeer>();
  readonly #cancels = new Set<() => void>();
  #session: SessionKeys | null = null;
  #chain: ChainKey = newChain(1);
  /** Another epoch is being told; until all have it, frames are sealed with what was before. */
  #switching: ChainKey | null = null;
  #rekeyDue = false;
  /** All whose hellos come in a moment, as at our own join, are given the same generation. */
  #advancedAtMs = -Infinity;
  /** One after the other: each works with what the one before has left. */
  #tail: Promise<void> = Promise.resolve();
  #waiting = 0;
  #closed = false;

  constructor(options: AgreementOptions, sink: AgreementSink) {
    this.#options = options;
    this.#sink = sink;
  }

  /** Says who we are. */
  start(): void {
    this.#run(async () => {
      const { identity, place } = this.#options;
      this.#session = await SessionKeys.make(identity, place);
      this.#sink.useSendKey(this.#chain);
      this.#sayHello(null, true);
    });
  }

  /** @param encrypts it has said so: if its keys do not come they are asked for */
  add(sid: string, identity: string, encrypts: boolean): void {
    if (this.#closed || this.#peers.has(sid)) return;
    this.#peers.set(sid, new AgreementPeer(sid, identity, this.#options.now()));
    if (encrypts) this.#askAgain(sid, ASKS_MAX);
  }

  /** It is gone, and may not go on reading. */
  remove(sid: string): void {
    const peer = this.#peers.get(sid);
    this.#peers.delete(sid);
    if (peer?.writer) this.renew();
  }

  /** Messages of others may be lost. */
  recover(): void {
    this.#run(async () => this.#sayHello(null, true));
  }

  /** What that participant told last has not come. */
  ask(sid: string): void {
    if (this.#peers.get(sid)?.believed) this.#sayHello(sid, true);
  }

  /** Another key for all that are here. */
  renew(): void {
    if (this.#rekeyDue) return;
    this.#rekeyDue = true;
    this.#run(() => this.#rekey());
  }

  receive(sid: string, bytes: Uint8Array): void {
    const peer = this.#peers.get(sid);
    const message = peer && readMessage(bytes);
    if (!message || peer.isChanged || this.#waiting >= WAITING_MAX) return;
    if (message.type !== 'key' && !peer.mayCost(this.#options.now())) return;
    this.#run(() => this.#handle(peer, message));
  }

  close(): void {
    this.#closed = true;
    this.#peers.clear();
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
  }

  /** When all that has come is done; for tests, and whoever wants to wait. */
  get settled(): Promise<void> {
    return this.#tail;
  }

  #run(task: () => Promise<void>): void {
    this.#waiting += 1;
    this.#tail = this.#do(this.#tail, task);
  }

  async #do(before: Promise<void>, task: () => Promise<void>): Promise<void> {
    await before;
    try {
      if (!this.#closed) await task();
    } catch {
      // What somebody sent was not what it should be.
    }
    this.#waiting -= 1;
  }

  isHere(peer: AgreementPeer): boolean {
    return !this.#closed && this.#peers.get(peer.sid) === peer;
  }

  async #handle(peer: AgreementPeer, message: Message): Promise<void> {
    if (!this.#session || !this.isHere(peer) || peer.isChanged) return;
    if (message.type === 'hello') await this.#onHello(peer, message);
    else if (message.type === 'seal') await this.#onSeal(peer, message);
    else await this.#install(peer, (await peer.reader?.read(message.record)) ?? null);
  }

  async #onHello(peer: AgreementPeer, hello: Hello): Promise<void> {
    const { trust, place } = this.#options;
    if (peer.believed) {
      // It says it once and for all; who asks again has lost what we said.
      const isKnown = isSame(peer.believed.hello.signature, hello.signature);
      if (!isKnown || !hello.asks) return;
      this.#sayHello(peer.sid, false);
      await this.#seal(peer);
      return;
    }
    const theirs = { room: place.room, sid: peer.sid, identity: peer.identity };
    if (!isHelloSigned(theirs, hello)) return;
    const fingerprint = await fingerprintOf(hello.identityKey);
    const hash = await helloHash(theirs, hello);
    if (!this.isHere(peer)) return;
    const verdict = trust.judge(peer.identity, fingerprint);
    if (verdict === 'changed') {
      peer.isChanged = true;
      this.#sink.onPeer(peer);
      return;
    }
    peer.believed = { hello, hash, fingerprint, verdict };
    this.#sink.onPeer(peer);
    if (hello.asks) this.#sayHello(peer.sid, false);
    await this.#advance();
    await this.#seal(peer);
  }

  /** What was sealed so far stays closed for whoever has just come. */
  async #advance(): Promise<void> {
    const now = this.#options.now();
    if (now - this.#advancedAtMs < ADVANCE_EVERY_MS) return;
    this.#advancedAtMs = now;
    if (this.#chain.generation >= GENERATION_MAX) {
      await this.#rekey();
      return;
    }
    this.#chain = await nextGeneration(this.#chain);
    if (!this.#switching) this.#sink.useSendKey(this.#chain);
  }

  async #seal(peer: AgreementPeer): Promise<void> {
    const session = this.#session;
    const { believed } = peer;
    if (!session || !believed) return;
    const number = peer.sealNext++;
    const { ciphertext, secret } = session.encapsulate(believed.hello);
    const transcript = await sealTranscript(
      session.hash,
      believed.hash,
      uint32(number),
      ciphertext,
    );
    const writer = new RecordWriter(await session.pairKey(believed.hello, secret, transcript));
    const record = await writer.write(this.#chain);
    if (!this.isHere(peer)) return;
    peer.writer = writer;
    const signature = signSeal(this.#options.identity, transcript, record);
    void this.#send(peer.sid, writeSeal({ number, ciphertext, record, signature }));
  }

  async #onSeal(
    peer: AgreementPeer,
    { number, ciphertext, record, signature }: Seal,
  ): Promise<void> {
    const session = this.#session;
    const { believed } = peer;
    if (!session || !believed || number <= peer.sealHeard) return;
    const { hash, hello } = believed;
    const transcript = await sealTranscript(hash, session.hash, uint32(number), ciphertext);
    if (!isSealSigned(transcript, record, signature, hello.identityKey)) return;
    const secret = session.decapsulate(ciphertext);
    const reader = new RecordReader(await session.pairKey(hello, secret, transcript));
    const chain = await reader.read(record);
    if (!chain || !this.isHere(peer)) return;
    peer.sealHeard = number;
    peer.reader = reader;
    await this.#install(peer, chain);
  }

  async #install(peer: AgreementPeer, chain: ChainKey | null): Promise<void> {
    if (!chain || !this.isHere(peer)) return;
    const isFirst = !peer.hasTold;
    if (!peer.takeKey(chain)) return;
    this.#sink.useReceiveKey(peer.sid, chain);
    if (isFirst) this.#sink.onPeer(peer);
  }

  async #rekey(): Promise<void> {
    this.#rekeyDue = false;
    const chain = newChain(this.#chain.epoch + 1);
    this.#chain = chain;
    this.#switching = chain;
    const told: Promise<void>[] = [];
    for (const peer of this.#peers.values()) {
      if (!peer.writer) continue;
      // Each has a key and a number of its own.
      // oxlint-disable-next-line no-await-in-loop
      told.push(this.#send(peer.sid, writeKey(await peer.writer.write(chain))));
    }
    const change = (): void => {
      const isNewest = this.#switching === chain;
      if (isNewest) this.#switching = null;
      // Perhaps of a later generation by now; and whoever comes and goes all the time does not put it off.
      this.#sink.useSendKey(isNewest ? this.#chain : chain);
    };
    const cancel = this.#after(SWITCH_LATEST_MS, change);
    const soon = (): void => {
      cancel();
      this.#after(SWITCH_AFTER_MS, change);
    };
    Promise.all(told).then(soon, soon);
  }

  #sayHello(to: string | null, asks: boolean): void {
    const session = this.#session;
    if (session) void this.#send(to, writeHello({ ...session.hello, asks }));
  }

  async #send(to: string | null, message: Bytes): Promise<void> {
    try {
      await this.#sink.send(to, message);
    } catch {
      // Who has left cannot be told.
    }
  }

  #askAgain(sid: string, times: number): void {
    if (times === 0) return;
    this.#after(ASK_AGAIN_MS, () => {
      const peer = this.#peers.get(sid);
      if (!peer || peer.hasTold || peer.isChanged) return;
      this.#sayHello(sid, true);
      this.#askAgain(sid, times - 1);
    });
  }

  #after(ms: number, run: () => void): () => void {
    if (this.#closed) return () => undefined;
    const cancel = this.#options.after(ms, () => {
      this.#cancels.delete(cancel);
      run();
    });
    this.#cancels.add(cancel);
    return () => {
      this.#cancels.delete(cancel);
      cancel();
    };
  }
}
