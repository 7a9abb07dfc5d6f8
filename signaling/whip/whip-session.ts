// A WHIP or WHEP session: a participant whose client speaks HTTP alone. It hears nothing, its one offer was answered,
// and it lasts as long as its media transport does. RFC 9725 s4.2, s4.3.
// Called by: whip-endpoint.ts, its owner; its room.

import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IceCredentials } from '../../sfu/ice/credentials.ts';
import { makeFragment, parseFragment } from '../../sfu/sdp/fragment.ts';
import { Refusal as SdpRefusal } from '../../sfu/sdp/refusal.ts';
import type { MediaOwner } from '../media/media-room.ts';
import type { ParticipantMedia } from '../media/participant-media.ts';
import type { OfferPlan } from '../media/offer-plan.ts';
import type { Participant } from '../participant.ts';
import type { Refusal } from '../refusal.ts';
import type { Member, Room } from '../room.ts';
import { bearerDigest } from './bearer.ts';
import { checkIfMatch } from './if-match.ts';
import type { WhipProtocol } from './one-way-offer.ts';
import { overHttp } from './whip-refusal.ts';
import type { WhipRefusal } from './whip-refusal.ts';

/** RFC 9725 s5: the address of a session cannot be guessed. */
const ID_BYTES = 16;
/** Enough for no two ICE sessions to have the same. */
const ETAG_BYTES = 9;

export interface WhipSessionOptions {
  readonly protocol: WhipProtocol;
  readonly room: Room;
  readonly participant: Participant;
  readonly token: Member['token'];
  readonly bearer: string;
  /** Called once, when it is over. */
  readonly onEnd: (session: WhipSession, reason: string) => void;
}

export interface IceRestart {
  readonly fragment: string;
  readonly etag: string;
}

export class WhipSession implements Member, MediaOwner {
  readonly id: string = randomBytes(ID_BYTES).toString('base64url');
  readonly protocol: WhipProtocol;
  readonly room: Room;
  readonly participant: Participant;
  readonly token: Member['token'];
  readonly #bearer: Buffer;
  readonly #onEnd: WhipSessionOptions['onEnd'];
  #media: ParticipantMedia | undefined;
  #remote: IceCredentials | undefined;
  #trickle = false;
  #etag = newEtag();
  #over = false;

  constructor(options: WhipSessionOptions) {
    this.protocol = options.protocol;
    this.room = options.room;
    this.participant = options.participant;
    this.token = options.token;
    this.#bearer = bearerDigest(options.bearer);
    this.#onEnd = options.onEnd;
  }

  /** The entity-tag of the ICE session, RFC 9725 s4.3.1. */
  get etag(): string {
    return this.#etag;
  }

  /** Once: the answer. `media` is its own in the room. */
  begin(media: ParticipantMedia, plan: OfferPlan): string {
    this.#media = media;
    this.#remote = plan.offer.transport.ice;
    this.#trickle = plan.offer.iceOptions.includes('trickle');
    return withMuxOnly(media.accept(plan).sdp);
  }

  /** Whether that is the bearer that made it, in constant time. */
  hasBearer(bearer: string): boolean {
    return timingSafeEqual(bearerDigest(bearer), this.#bearer);
  }

  /** Null when there was nothing to do: a lite agent learns candidates from checks. */
  patch(ifMatch: string | undefined, text: string): IceRestart | WhipRefusal | null {
    const fragment = parseFragment(text);
    if (fragment instanceof SdpRefusal) {
      const reason = fragment.code === 'too-large' ? 'TOO_LARGE' : 'BAD_SDP';
      return overHttp({ reason, message: fragment.message });
    }
    const wrong = checkIfMatch(ifMatch, this.#etag);
    if (wrong !== null) return wrong;
    const { ice } = fragment;
    // RFC 9725 s4.3.3: other credentials than before mean a restart, with whatever entity-tag.
    if (ice === undefined || sameCredentials(ice, this.#remote)) return null;
    return this.#restart(ice);
  }

  /** Nobody listens over HTTP. */
  push(): void {}

  tell(): void {}

  dismiss(why: Refusal): void {
    this.end(why.reason);
  }

  onMediaLost(reason: string): void {
    this.end(reason === 'peer-closed' ? 'LEFT' : 'TIMEOUT');
  }

  /** `reason` is what the room reads in `gone`. */
  end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.room.remove(this, reason);
    this.room.feed.schedule();
    this.#onEnd(this, reason);
  }

  #restart(remote: IceCredentials): IceRestart | WhipRefusal {
    const transport = this.#media?.transport;
    const local = this.#media?.restartIce(remote);
    if (local === undefined || transport === undefined || transport === null) {
      return overHttp({ reason: 'NOT_FOUND', message: 'The media of this session is gone' });
    }
    this.#remote = remote;
    this.#etag = newEtag();
    const [mid = ''] = transport.agreed.offer.bundle;
    const fragment = makeFragment(mid, local, transport.place.candidates, this.#trickle);
    return { fragment, etag: this.#etag };
  }
}

function newEtag(): string {
  return `"${randomBytes(ETAG_BYTES).toString('base64url')}"`;
}

function sameCredentials(a: IceCredentials, b: IceCredentials | undefined): boolean {
  return a.ufrag === b?.ufrag && a.password === b.password;
}

/** RFC 9725 s4.4.1, RFC 8858 s3. */
function withMuxOnly(answer: string): string {
  return answer.replaceAll('a=rtcp-mux\r\n', 'a=rtcp-mux\r\na=rtcp-mux-only\r\n');
}
