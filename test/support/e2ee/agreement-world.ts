// Participants who agree upon keys without a network: messages are held until a test passes them on, or changes them.

import type { AgreementPeer } from '../../../sdk/e2ee/agreement-peer.ts';
import type { Bytes } from '../../../sdk/e2ee/bytes.ts';
import { FrameVault } from '../../../sdk/e2ee/frame-vault.ts';
import { Identity } from '../../../sdk/e2ee/identity.ts';
import { KeyAgreement } from '../../../sdk/e2ee/key-agreement.ts';
import type { ChainKey } from '../../../sdk/e2ee/media-key.ts';
import { Trust } from '../../../sdk/e2ee/trust.ts';
import type { E2eeOptions } from '../../../sdk/encryption.ts';

export interface Sent {
  readonly from: string;
  /** Null: to everybody. */
  readonly to: string | null;
  readonly message: Bytes;
}

export interface MemberOptions {
  readonly identity?: string;
  readonly keys?: Identity;
  readonly trusted?: E2eeOptions['trusted'];
}

const RECEIVER = 1;

export class Member {
  readonly sid: string;
  readonly identity: string;
  readonly agreement: KeyAgreement;
  readonly vault = new FrameVault({ onUsedUp: () => undefined, onLack: () => undefined });
  /** Keys of ours, in the order in which they were used. */
  readonly used: ChainKey[] = [];
  readonly peers = new Map<string, AgreementPeer>();
  readonly #world: AgreementWorld;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(world: AgreementWorld, sid: string, options: MemberOptions) {
    this.sid = sid;
    this.identity = options.identity ?? sid;
    this.#world = world;
    this.agreement = new KeyAgreement(
      {
        identity: options.keys ?? new Identity(),
        place: { room: 'r', sid, identity: this.identity },
        trust: world.trustOf(this.identity, options.trusted),
        now: () => world.nowMs,
        after: (ms, run) => world.after(ms, run),
      },
      {
        send: async (to, message) => {
          world.sent.push({ from: sid, to, message });
        },
        useSendKey: (chain) => {
          this.used.push(chain);
          this.#then(() => this.vault.useSendKey(chain));
        },
        useReceiveKey: (of, chain) => {
          this.#then(() => this.vault.useReceiveKey(of, chain, world.nowMs));
        },
        onPeer: (peer) => this.peers.set(peer.sid, peer),
      },
    );
  }

  async settled(): Promise<void> {
    await this.agreement.settled;
    await this.#tail;
  }

  async seal(): Promise<Bytes> {
    const frame = await this.vault.seal('vp9', new TextEncoder().encode('to be seen'));
    if (!frame) throw new Error('No key');
    return frame;
  }

  async opens(of: Member, frame?: Bytes): Promise<boolean> {
    this.vault.show(RECEIVER, of.sid);
    return (
      (await this.vault.open(RECEIVER, frame ?? (await of.seal()), this.#world.nowMs)) !== null
    );
  }

  /** In order, as messages to a worker are. */
  #then(run: () => Promise<unknown>): void {
    this.#tail = this.#tail.then(run);
  }
}

export class AgreementWorld {
  nowMs = 0;
  /** What nobody has been given yet. */
  readonly sent: Sent[] = [];
  /** All that was passed on. */
  readonly passed: Sent[] = [];
  readonly members = new Map<string, Member>();
  readonly #trusts = new Map<string, Trust>();
  #timers: { atMs: number; run: () => void }[] = [];

  /** What somebody trusts outlives its sessions. */
  trustOf(identity: string, trusted: E2eeOptions['trusted']): Trust {
    const trust = this.#trusts.get(identity) ?? new Trust(trusted);
    this.#trusts.set(identity, trust);
    return trust;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.nowMs + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  async pass(ms: number): Promise<void> {
    this.nowMs += ms;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.nowMs);
    this.#timers = this.#timers.filter((timer) => !due.includes(timer));
    for (const { run } of due) run();
    await this.flow();
  }

  /** Everybody hears of it, and it of everybody. */
  enter(sid: string, options: MemberOptions = {}): Member {
    const member = new Member(this, sid, options);
    for (const other of this.members.values()) {
      other.agreement.add(sid, member.identity, true);
      member.agreement.add(other.sid, other.identity, true);
    }
    this.members.set(sid, member);
    member.agreement.start();
    return member;
  }

  leave(sid: string): void {
    this.members.delete(sid);
    for (const other of this.members.values()) other.agreement.remove(sid);
  }

  give({ from, to, message }: Sent): void {
    for (const member of this.members.values()) {
      if (member.sid !== from && (to === null || to === member.sid)) {
        member.agreement.receive(from, message);
      }
    }
  }

  /** Until nobody has anything to say any more. */
  async flow(): Promise<void> {
    for (let quiet = 0; quiet < 2;) {
      for (const member of this.members.values()) await member.settled();
      const sent = this.sent.splice(0);
      quiet = sent.length === 0 ? quiet + 1 : 0;
      for (const one of sent) this.give(one);
      this.passed.push(...sent);
    }
  }
}
