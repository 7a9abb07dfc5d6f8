// Which of the two kinds of media a room has, and the offer that is made before that is known. Owned by room.ts.

import type { JoinedMessage, RoomInfo } from '../signaling/protocol.ts';
import { AutoMedia } from './auto-media.ts';
import type { MediaCrypto } from './encryption.ts';
import type { JoinOptions } from './join-options.ts';
import { FIRST_SLOTS, SLOTS_WANTED } from './limits.ts';
import type { LocalPublication } from './local-publication.ts';
import { Mesh } from './mesh.ts';
import type { Preparation } from './prepare.ts';
import type { SlotCounts } from './receive-slots.ts';
import type { RoomMedia, RoomMediaOptions, RoomMediaSink } from './room-media.ts';
import { SfuMedia } from './sfu-media.ts';
import { SfuPeer } from './sfu-peer.ts';
import type { SfuOffer } from './sfu-peer.ts';
import type { JoinOffer } from './signal-connection.ts';
import { grantsOf } from './token-grants.ts';
import type { TokenGrants } from './token-grants.ts';

export interface MediaSetupOptions {
  readonly join: JoinOptions;
  readonly preparation: Preparation;
  readonly publications: () => readonly LocalPublication[];
  readonly crypto: MediaCrypto | undefined;
}

interface Prepared {
  readonly grants: TokenGrants;
  readonly peer: SfuPeer;
  /** Null: there is nothing to offer. */
  readonly offer: Promise<SfuOffer | null>;
}

export class MediaSetup {
  readonly #options: MediaSetupOptions;
  readonly #sink: RoomMediaSink;
  readonly #want: SlotCounts;
  #prepared: Prepared | null = null;
  #mode: RoomInfo['mode'] | undefined;
  #lastOfferId = 0;
  #isThroughServer = false;

  constructor(options: MediaSetupOptions, sink: RoomMediaSink) {
    const { audio = SLOTS_WANTED.audio, video = SLOTS_WANTED.video } = options.join.want ?? {};
    this.#options = options;
    this.#sink = sink;
    this.#want = { audio, video };
  }

  /** There is a connection to the server, or one is being made. */
  get isThroughServer(): boolean {
    return this.#isThroughServer;
  }

  /** A token is being asked for, or a session gone on with: an offer is made meanwhile, of all that a token may grant. */
  begin(): void {
    if (this.#mode === 'p2p' || this.#prepared) return;
    this.#prepare({ canPublish: true, canSubscribe: true }).catch(() => undefined);
  }

  /** What `join` says of media. An offer that was not used serves the next attempt. Never rejects. */
  async joinOffer(token: string): Promise<JoinOffer> {
    const want = { ...this.#want };
    if (this.#mode === 'p2p') return { want };
    try {
      const offer = await this.#prepare(grantsOf(token));
      if (!offer) return { want };
      const { id, sdp, tracks } = offer;
      this.#sink.onPhase('offer');
      this.#sink.onOffer(sdp.length);
      return { want, offer: { id, sdp }, tracks };
    } catch (error) {
      this.#discard();
      this.#sink.onFault(error);
      return { want };
    }
  }

  /** The media of a new session. */
  open(joined: JoinedMessage): RoomMedia {
    this.#mode = joined.room.mode;
    const { join, preparation, publications } = this.#options;
    const between: RoomMediaOptions = {
      relayOnly: join.relayOnly ?? false,
      certificate: () => preparation.certificate,
      publications,
      crypto: this.#options.crypto,
      now: () => performance.now(),
    };
    if (this.#mode === 'p2p') {
      this.#discard();
      const { self, ice } = joined;
      return new Mesh(between, { self, iceServers: ice.servers }, this.#sink);
    }
    const peer = this.#peerOf(joined);
    this.#prepared = null;
    this.#isThroughServer = !peer.isEmpty();
    const options = { publications, want: this.#want, makePeer: () => this.#makePeer() };
    return new AutoMedia(
      between,
      joined,
      this.#sink,
      (sink) => new SfuMedia(options, joined, peer, sink),
    );
  }

  /** What an offer has been made of, as long as it is granted. */
  #peerOf({ resumed, self: { perm } }: JoinedMessage): SfuPeer {
    const { grants, peer } = this.#prepared ?? {};
    const isGranted =
      grants?.canPublish === perm.canPublish && grants.canSubscribe === perm.canSubscribe;
    if (peer && (isGranted || !resumed)) return peer;
    this.#discard();
    const another = this.#makePeer();
    if (resumed && perm.canSubscribe) another.addSlots(this.#firstSlots);
    return another;
  }

  close(): void {
    this.#discard();
    this.#options.preparation.takeConnection()?.close();
  }

  #prepare(grants: TokenGrants): Prepared['offer'] {
    const before = this.#prepared;
    const same =
      before?.grants.canPublish === grants.canPublish &&
      before.grants.canSubscribe === grants.canSubscribe;
    if (before && same) return before.offer;
    this.#discard();
    const peer = this.#makePeer(this.#takeConnection(grants));
    const offer = this.#firstOffer(peer, grants);
    this.#prepared = { grants, peer, offer };
    return offer;
  }

  /** The one that was prepared, if an offer of its slots is what is wanted and granted. */
  #takeConnection({ canSubscribe }: TokenGrants): RTCPeerConnection | undefined {
    const connection = this.#options.preparation.takeConnection();
    const { audio, video } = this.#firstSlots;
    const fits = audio === FIRST_SLOTS.audio && video === FIRST_SLOTS.video;
    // A transform has to be there from the first moment of a transceiver.
    const isClear = this.#options.crypto === undefined;
    if (canSubscribe && fits && isClear) return connection;
    connection?.close();
    return undefined;
  }

  get #firstSlots(): SlotCounts {
    return {
      audio: Math.min(FIRST_SLOTS.audio, this.#want.audio),
      video: Math.min(FIRST_SLOTS.video, this.#want.video),
    };
  }

  async #firstOffer(
    peer: SfuPeer,
    { canPublish, canSubscribe }: TokenGrants,
  ): Promise<SfuOffer | null> {
    if (canPublish) await peer.senders.sync(this.#options.publications());
    if (canSubscribe) peer.addSlots(this.#firstSlots);
    return peer.isEmpty() ? null : peer.offer();
  }

  #discard(): void {
    this.#prepared?.peer.close();
    this.#prepared = null;
  }

  #makePeer(connection?: RTCPeerConnection): SfuPeer {
    return new SfuPeer({
      relayOnly: this.#options.join.relayOnly ?? false,
      simulcast: this.#options.join.simulcast ?? true,
      video: this.#options.join.video,
      certificate: this.#options.preparation.certificate,
      connection,
      crypto: this.#options.crypto,
      nextOfferId: () => {
        this.#lastOfferId += 1;
        return this.#lastOfferId;
      },
    });
  }
}
