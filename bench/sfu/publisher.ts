// A participant who publishes: its flows go out by the tracks of one connection, or without a server of several.

import { Flow } from './flow.ts';
import type { Peer, Track } from './peer.ts';
import { isRtcp, senderReport } from '../../sdk/node/rtcp.ts';
import { wantsKeyFrame } from './rtcp.ts';
import { type Kind, kindsOf, perSecond, type Shape } from './shapes.ts';

interface Outlet {
  readonly flow: Flow;
  readonly tracks: Track[];
  readonly send: (packet: Buffer) => void;
}

export class Publisher {
  readonly identity: string;
  readonly #outlets = new Map<Kind, Outlet>();

  constructor(index: number, shape: Shape) {
    this.identity = `publisher-${index}`;
    for (const kind of kindsOf(shape)) {
      const flow = new Flow(kind, index, perSecond(shape, kind));
      const tracks: Track[] = [];
      const send = (packet: Buffer): void => {
        for (const track of tracks) track.sendMessageBinary(packet);
      };
      this.#outlets.set(kind, { flow, tracks, send });
    }
  }

  /** Adds the sections; resolves when the connection carries media. To be called before the offer is made. */
  async sendBy(peer: Peer): Promise<void> {
    await Promise.all(
      [...this.#outlets.values()].map(({ flow, tracks }) => {
        const track = peer.addSender(flow.kind, flow.ssrc);
        track.onMessage((packet) => {
          if (isRtcp(packet) && wantsKeyFrame(packet)) flow.keyFrameWanted = true;
        });
        track.onClosed(() => void tracks.splice(tracks.indexOf(track), 1));
        return new Promise<void>((resolve) => {
          track.onOpen(() => {
            tracks.push(track);
            flow.keyFrameWanted = true;
            resolve();
          });
        });
      }),
    );
  }

  get flows(): Flow[] {
    return [...this.#outlets.values()].map(({ flow }) => flow);
  }

  flow(kind: Kind): Flow | undefined {
    return this.#outlets.get(kind)?.flow;
  }

  frame(flow: Flow): void {
    const outlet = this.#outlets.get(flow.kind);
    if (outlet !== undefined) flow.frame(outlet.send);
  }

  report(): void {
    for (const { flow, send } of this.#outlets.values())
      if (flow.packets > 0) send(senderReport(flow));
  }
}
