// A participant of the rooms load: its flows go out by the sections of one connection, and what it receives, by that or
// by another one, goes into its inbox.

import type { Flow } from '../sfu/flow.ts';
import type { Peer, Track } from '../sfu/peer.ts';
import { isRtcp, senderReport } from '../../sdk/node/rtcp.ts';
import { eachKeyFrameWish } from '../sfu/rtcp.ts';
import { Inbox, type Tally } from './inbox.ts';
import { flowsOf, type Seat } from './plan.ts';

export class Member {
  readonly seat: Seat;
  readonly flows: readonly Flow[];
  readonly inbox: Inbox;
  /** Resolves when it can send. */
  readonly connected: Promise<void>;
  readonly #tracks = new Map<Flow, Track>();
  #onConnected = (): void => {};

  constructor(seat: Seat, size: number, tally: Tally) {
    this.seat = seat;
    this.flows = flowsOf(seat);
    this.inbox = new Inbox(seat.number, size, tally);
    this.connected = new Promise((resolve) => (this.#onConnected = resolve));
  }

  get identity(): string {
    return `member-${this.seat.number}`;
  }

  /** Adds the sections that send. To be called before the offer is made. */
  sendBy(peer: Peer): void {
    const [microphone, ...camera] = this.flows;
    this.#send(peer, 'audio', [microphone!]);
    if (camera.length > 0) this.#send(peer, 'video', camera);
  }

  frame(flow: Flow): void {
    const track = this.#tracks.get(flow);
    if (track !== undefined) flow.frame((packet) => void track.sendMessageBinary(packet));
  }

  /** Sender reports (RFC 3550 s6.4.1). */
  report(): void {
    for (const [flow, track] of this.#tracks) {
      if (flow.packets > 0) track.sendMessageBinary(senderReport(flow));
    }
  }

  #send(peer: Peer, kind: 'audio' | 'video', flows: readonly Flow[]): void {
    const track = peer.addSender(
      kind,
      flows.map(({ ssrc }) => ssrc),
    );
    track.onMessage((packet) => {
      if (!isRtcp(packet)) return;
      eachKeyFrameWish(packet, (ssrc) => {
        for (const flow of flows) if (flow.ssrc === ssrc) flow.keyFrameWanted = true;
      });
    });
    track.onOpen(() => {
      for (const flow of flows) this.#tracks.set(flow, track);
      if (this.#tracks.size === this.flows.length) this.#onConnected();
    });
    track.onClosed(() => {
      for (const flow of flows) this.#tracks.delete(flow);
    });
  }
}
