// Encryption of a room, as the SDK loads it when it is wanted: the worker, the identity and what is trusted for as long
// as the room is held, and a key agreement for each session. Called by: room-encryption.ts, through open().

import type { CryptoSession, CryptoSink, E2eeOptions, RoomCrypto } from '../encryption.ts';
import type { AgreementPeer } from './agreement-peer.ts';
import type { Bytes } from './bytes.ts';
import { FrameTransforms } from './frame-transforms.ts';
import { fingerprintOf, Identity, safetyCode } from './identity.ts';
import type { Known } from './identity.ts';
import { KeyAgreement } from './key-agreement.ts';
import { SENDING_MAX, WORKER_WAIT_MS } from './limits.ts';
import { Trust } from './trust.ts';
import type { FromWorker } from './worker-messages.ts';

/** Rejects when there is no worker to be had, or the identity is none. */
export async function open(options: E2eeOptions): Promise<RoomCrypto> {
  const identity = new Identity(options.identity);
  const worker = openWorker(options.workerUrl);
  await ready(worker);
  return new LoadedCrypto(worker, identity, await fingerprintOf(identity.publicKey), options);
}

function openWorker(workerUrl: string | URL | undefined): Worker {
  if (workerUrl !== undefined) return new Worker(workerUrl, { type: 'module' });
  // Bundlers look for exactly this; in a build of ours it is beside the SDK.
  return new Worker(new URL('./sterna-e2ee-worker.js', import.meta.url), { type: 'module' });
}

/** No transform is made before: the event that brings it must find its listener. */
function ready(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (): void => {
      worker.terminate();
      reject(new Error('The worker for encryption could not be loaded'));
    };
    const timer = setTimeout(fail, WORKER_WAIT_MS);
    worker.addEventListener('error', fail, { once: true });
    worker.addEventListener(
      'message',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}

class LoadedCrypto implements RoomCrypto {
  readonly media: FrameTransforms;
  readonly fingerprint: string;
  readonly #worker: Worker;
  readonly #identity: Identity;
  readonly #trust: Trust;
  #agreement: KeyAgreement | null = null;
  #session: CryptoSession | null = null;
  #sink: CryptoSink | null = null;
  readonly #known = new Map<string, Known>();
  readonly #sending: (() => void)[] = [];
  #onWay = 0;
  /** Asked for so far: the newest counts. */
  #codes = 0;

  constructor(worker: Worker, identity: Identity, fingerprint: string, { trusted }: E2eeOptions) {
    this.#worker = worker;
    this.#identity = identity;
    this.fingerprint = fingerprint;
    this.#trust = new Trust(trusted);
    this.media = new FrameTransforms(worker);
    worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => {
      if (data.type === 'used-up') this.#agreement?.renew();
      else if (data.type === 'lacks') this.#agreement?.ask(data.sid);
    });
  }

  enter(session: CryptoSession, sink: CryptoSink): void {
    this.#agreement?.close();
    this.#known.clear();
    this.media.tell({ type: 'reset' });
    this.#session = session;
    this.#sink = sink;
    const agreement = new KeyAgreement(
      {
        identity: this.#identity,
        place: session,
        trust: this.#trust,
        now: () => performance.now(),
        after: (ms, run) => {
          const timer = setTimeout(run, ms);
          return () => clearTimeout(timer);
        },
      },
      {
        send: (to, message) => this.#send(sink, to, message),
        useSendKey: (chain) => this.media.tell({ type: 'send-key', chain }),
        useReceiveKey: (sid, chain) => this.media.tell({ type: 'receive-key', sid, chain }),
        onPeer: (peer) => void this.#onPeer(agreement, peer),
      },
    );
    this.#agreement = agreement;
    agreement.start();
    this.#tellCode(agreement).catch(() => undefined);
  }

  add(sid: string, identity: string, encrypts: boolean): void {
    this.#agreement?.add(sid, identity, encrypts);
  }

  remove(sid: string): void {
    this.#agreement?.remove(sid);
    this.media.tell({ type: 'forget', sid });
    if (this.#known.delete(sid) && this.#agreement) {
      this.#tellCode(this.#agreement).catch(() => undefined);
    }
  }

  recover(): void {
    this.#agreement?.recover();
  }

  receive(sid: string, message: Uint8Array): void {
    this.#agreement?.receive(sid, message);
  }

  close(): void {
    this.#agreement?.close();
    this.#agreement = null;
    this.#worker.terminate();
  }

  async #onPeer(agreement: KeyAgreement, peer: AgreementPeer): Promise<void> {
    const { sid, identity, isChanged, believed } = peer;
    const told = { verified: false, code: '', fingerprint: '' };
    if (isChanged) this.#sink?.onParticipant(sid, { state: 'changed', ...told });
    if (!believed || !this.#session) return;
    const { fingerprint, verdict } = believed;
    const other = { identity, fingerprint };
    const code = await safetyCode([this.#self(this.#session), other]);
    if (agreement !== this.#agreement || !agreement.isHere(peer)) return;
    this.#known.set(sid, other);
    const state = peer.hasTold ? 'encrypted' : 'waiting';
    const verified = verdict === 'verified';
    this.#sink?.onParticipant(sid, { state, verified, code, fingerprint });
    await this.#tellCode(agreement);
  }

  async #tellCode(agreement: KeyAgreement): Promise<void> {
    if (!this.#session) return;
    this.#codes += 1;
    const newest = this.#codes;
    const code = await safetyCode([this.#self(this.#session), ...this.#known.values()]);
    if (agreement === this.#agreement && newest === this.#codes) this.#sink?.onCode(code);
  }

  #self({ identity }: CryptoSession): Known {
    return { identity, fingerprint: this.fingerprint };
  }

  /** A few at a time: the SDK holds so many requests and no more. */
  async #send(sink: CryptoSink, to: string | null, message: Bytes): Promise<void> {
    if (this.#onWay >= SENDING_MAX) {
      await new Promise<void>((resolve) => {
        this.#sending.push(resolve);
      });
    }
    this.#onWay += 1;
    try {
      await sink.send(to, message);
    } finally {
      this.#onWay -= 1;
      this.#sending.shift()?.();
    }
  }
}
