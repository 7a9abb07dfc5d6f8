// A client of a room of mode `sfu`: its offers by sections, and what it has been told about its slots.

import type {
  AnswerMessage,
  JoinedMessage,
  ParticipantInfo,
  PeopleMessage,
} from '../../../signaling/protocol.ts';
import type { MintOptions } from '../../../signaling/index.ts';
import type { Client, Harness } from './harness.ts';
import { joinWith, smallOffer, tracksOf } from './small-offers.ts';
import type { SmallSection, SmallTransport } from './small-offers.ts';

type Reply = Awaited<ReturnType<Client['request']>>;

export interface OfferOptions extends SmallTransport {
  tracks?: object[];
  want?: object;
  reset?: boolean;
}

export class MediaClient {
  readonly client: Client;
  readonly joined: JoinedMessage;
  /** Track by mid, from the answers and what was pushed since. */
  readonly slots = new Map<string, string | null>();
  #offers = 1;

  constructor(client: Client, joined: JoinedMessage) {
    this.client = client;
    this.joined = joined;
    this.#note(joined.answer?.bind);
  }

  static async join(
    server: Harness,
    identity: string,
    sections: readonly SmallSection[],
    options: { grants?: Partial<MintOptions['grants']>; want?: object; caps?: string[] } = {},
  ): Promise<MediaClient> {
    const { client, joined } = await server.join(identity, {
      grants: { room: 'r', roomJoin: true, ...options.grants },
      message: {
        ...(sections.length === 0 ? {} : joinWith(sections, options.want)),
        caps: options.caps,
      },
    });
    return new MediaClient(client, joined);
  }

  get sid(): string {
    return this.joined.self.sid;
  }

  /** Of what it published when it joined. */
  track(mid: string): string {
    return this.joined.answer?.tracks.find((one) => one.mid === mid)?.sid ?? '';
  }

  /** Whatever the reply is. */
  async tryOffer(
    sections: readonly SmallSection[],
    { tracks, want, reset, ...transport }: OfferOptions = {},
  ): Promise<Reply> {
    return this.client.request({
      type: 'offer',
      id: ++this.#offers,
      sdp: smallOffer(sections, transport),
      tracks: tracks ?? tracksOf(sections),
      want,
      reset,
    });
  }

  async offer(
    sections: readonly SmallSection[],
    options: OfferOptions = {},
  ): Promise<AnswerMessage> {
    const reply = await this.tryOffer(sections, options);
    if (reply.type !== 'answer') throw new Error(`refused: ${JSON.stringify(reply)}`);
    this.slots.clear();
    this.#note(reply.bind);
    return reply;
  }

  /** Hears pushes until its slots are so. */
  async until(slots: Readonly<Record<string, string | null>>): Promise<void> {
    while (Object.entries(slots).some(([mid, track]) => this.slots.get(mid) !== track)) {
      const { map } = await this.client.next('bind');
      this.#note(map);
    }
  }

  /** Hears of a participant until it is so. */
  async info(
    sid: string,
    fits: (info: ParticipantInfo) => boolean = () => true,
  ): Promise<ParticipantInfo> {
    const one = ({ upd }: PeopleMessage): ParticipantInfo | undefined =>
      upd.find((info) => info.sid === sid && fits(info));
    return one(await this.client.people((message) => one(message) !== undefined))!;
  }

  #note(map: readonly { mid: string; track: string | null }[] = []): void {
    for (const { mid, track } of map) this.slots.set(mid, track);
  }
}
