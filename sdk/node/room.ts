// A room as a bot holds it: the signaling connection of the browser SDK, who is here, and media by libdatachannel. Owns
// all three and closes them downward, once. Made by join() only.

import { WebSocket } from 'ws';
import type {
  JoinedMessage,
  ParticipantInfo,
  PeopleMessage,
  PushMessage,
  RoomInfo,
  SpeakersMessage,
  TrackInfo,
} from '../../signaling/protocol.ts';
import { dataDetail, dataRequest, isReserved, refuseReserved } from '../data-message.ts';
import type { SendDataOptions } from '../data-message.ts';
import { Emitter } from '../emitter.ts';
import { SternaClientError } from '../errors.ts';
import { RECONNECT_FOR_MS } from '../limits.ts';
import { People } from '../people.ts';
import type { PeopleChange } from '../people.ts';
import type { RoomState, StateDetail } from '../room-events.ts';
import { SelfDescription } from '../self-description.ts';
import { SignalConnection } from '../signal-connection.ts';
import type { JoinedHow } from '../signal-session.ts';
import { Subscriptions } from '../subscriptions.ts';
import type { Wish } from '../subscriptions.ts';
import type { JoinOptions } from './join-options.ts';
import { SIGNAL_BYTES_MAX } from './limits.ts';
import { LocalTrack } from './local-track.ts';
import type { PublishOptions } from './local-track.ts';
import { Media } from './media.ts';
import type { MediaState } from './media.ts';
import { Participant } from './participant.ts';
import type { Publication } from './participant.ts';
import type { RemoteTrack } from './remote-track.ts';
import type { RoomEvents } from './room-events.ts';

class Roster extends People<Participant> {
  protected override make(info: ParticipantInfo): Participant {
    return new Participant(info);
  }
}

export class Room extends Emitter<RoomEvents> {
  readonly #media: Media;
  readonly #connection: SignalConnection;
  readonly #roster = new Roster();
  readonly #description: SelfDescription;
  readonly #subscriptions = new Subscriptions((tracks) =>
    this.#connection.request({ type: 'subscribe', tracks }),
  );
  #joined: JoinedMessage | null = null;
  #self: Participant | null = null;
  #state: RoomState = 'connecting';
  /** What came before the application could listen; null from then on. */
  #arrived: RoomEvents['trackAdded'][] | null = [];
  #onOpened: ((error: SternaClientError | null) => void) | null = null;

  private constructor(url: string, options: JoinOptions) {
    super();
    const { attributes = {}, metadata, tokenProvider, token = '' } = options;
    const description = { peerToPeer: false, ...(metadata === undefined ? {} : { metadata }) };
    this.#description = new SelfDescription(attributes, description, `node ${process.version}`);
    this.#media = new Media(options, {
      request: (body) => this.#connection.request(body),
      onTrack: (sid, info, track) => this.#onTrack(sid, info, track, true),
      onTrackGone: (sid, info, track) => this.#onTrack(sid, info, track, false),
      onState: (state) => this.emit('media', { state }),
      onFault: (error) => this.emit('warning', { error }),
    });
    for (const one of options.publish ?? []) this.#media.preload(this.#makeTrack(one));
    this.#connection = new SignalConnection(
      {
        url,
        token: async (signal) => tokenProvider?.({ signal }) ?? token,
        tokenRenews: tokenProvider !== undefined,
        reconnectForMs: options.reconnectForMs ?? RECONNECT_FOR_MS,
        joinBody: () => this.#description.joinBody(),
        joinOffer: (given) => this.#media.joinOffer(given),
        openSocket: (address, protocol) =>
          new WebSocket(address, protocol, {
            perMessageDeflate: false,
            maxPayload: SIGNAL_BYTES_MAX,
          }),
        now: () => Date.now(),
        random: () => Math.random(),
      },
      {
        onSocketOpen: () => undefined,
        onJoinSent: () => undefined,
        onJoined: (message, how) => this.#onJoined(message, how),
        onPush: (message) => this.#onPush(message),
        onSpeakers: (message) => this.#onSpeakers(message),
        onAway: ({ reason, attempt, delayMs }) => {
          if (this.#joined) this.#setState({ state: 'reconnecting', reason, attempt, delayMs });
        },
        onClosed: (error) => this.#onClosed(error),
      },
    );
  }

  /** For join(). */
  static open(url: string, options: JoinOptions): Promise<Room> {
    const room = new Room(url, options);
    const { signal } = options;
    return new Promise((resolve, reject) => {
      room.#onOpened = (error) => {
        room.#onOpened = null;
        if (error) reject(error);
        else {
          resolve(room);
          // Whoever waits for join() listens by then.
          setImmediate(() => room.#tellArrived());
        }
      };
      const abort = (): void => {
        room.#onOpened?.(new SternaClientError('ABORTED', undefined, { cause: signal?.reason }));
        room.leave('aborted');
      };
      if (signal?.aborted) {
        abort();
        return;
      }
      signal?.addEventListener('abort', abort, { once: true });
      room.on('closed', () => signal?.removeEventListener('abort', abort));
      room.#connection.start();
    });
  }

  get state(): RoomState {
    return this.#state;
  }

  /** Of the connection that media takes. */
  get mediaState(): MediaState {
    return this.#media.state;
  }

  /** The room as the server described it last. */
  get info(): Readonly<RoomInfo> {
    return this.#lastJoined().room;
  }

  /** This participant. After a `rejoined` it is another object with another sid. */
  get self(): Participant {
    if (!this.#self) throw new SternaClientError('CLOSED');
    return this.#self;
  }

  /** The others, by sid; a live map. */
  get participants(): ReadonlyMap<string, Participant> {
    return this.#roster.participants;
  }

  /** What this bot publishes. */
  get tracks(): LocalTrack[] {
    return [...this.#media.published];
  }

  /** Resolves when the server has taken it; packets flow once `track.opened()` has resolved. */
  async publish(options: PublishOptions): Promise<LocalTrack> {
    if (!this.self.permissions.canPublish) throw new SternaClientError('NOT_ALLOWED');
    const track = this.#makeTrack(options);
    await this.#media.publish(track);
    return track;
  }

  async unpublish(track: LocalTrack): Promise<void> {
    await this.#media.unpublish(track);
  }

  /** Which tracks of others to receive, and which before all others when there are more than `want` allows. */
  async subscribe(publications: Publication | readonly Publication[], wish: Wish): Promise<void> {
    const wishes = new Map([publications].flat().map(({ sid }) => [sid, wish]));
    await this.#subscriptions.change(wishes);
  }

  /** Sends to the room or to some; resolves when the server has taken it. Strings go as UTF-8. */
  async sendData(payload: Uint8Array | string, options: SendDataOptions = {}): Promise<void> {
    refuseReserved(options.topic);
    if (!this.self.permissions.canPublishData) throw new SternaClientError('NOT_ALLOWED');
    const { dataBytes } = this.#lastJoined().limits;
    await this.#connection.request(dataRequest(payload, options, dataBytes));
  }

  /** Changes the attributes that everybody sees; `null` deletes one. */
  async setAttributes(patch: Readonly<Record<string, string | null>>): Promise<void> {
    await this.#connection.request(this.#description.patch(patch));
  }

  async setMetadata(metadata: string): Promise<void> {
    await this.#connection.request(this.#description.setMetadata(metadata));
  }

  /** Ends everything; idempotent. Others see it at once. */
  leave(reason = 'left'): void {
    this.#connection.close(reason);
  }

  #makeTrack(options: PublishOptions): LocalTrack {
    return new LocalTrack(options, async ({ sid }, muted) => {
      if (sid !== null) await this.#connection.request({ type: 'mute', track: sid, muted });
    });
  }

  #lastJoined(): JoinedMessage {
    if (!this.#joined) throw new SternaClientError('CLOSED');
    return this.#joined;
  }

  #onJoined(message: JoinedMessage, how: JoinedHow): void {
    this.#joined = message;
    const others = this.#others(message.participants);
    if (how === 'joined' || how === 'rejoined') {
      this.#self = new Participant(message.self);
      this.#media.enter(message);
      this.#announce(this.#roster.replace(others));
      for (const info of others) this.#media.add(info);
      const present = new Set(others.flatMap(({ tracks }) => tracks.map(({ sid }) => sid)));
      this.#subscriptions.repeat(present).catch(() => undefined);
    } else {
      this.#updateSelf(message.self);
      if (how === 'lost') {
        this.#announce(this.#roster.replace(others));
        for (const info of others) this.#media.add(info);
        this.#media.recover(message);
      }
    }
    const told = how === 'joined' || how === 'rejoined' ? how : 'resumed';
    this.#setState({ state: 'connected', how: told });
    this.#onOpened?.(null);
  }

  #others(infos: readonly ParticipantInfo[]): ParticipantInfo[] {
    return infos.filter((info) => info.sid !== this.#self?.sid);
  }

  #onPush(message: PushMessage): void {
    switch (message.type) {
      case 'people':
        this.#onPeople(message);
        break;
      case 'room':
        this.#joined = { ...this.#lastJoined(), room: message.room };
        this.emit('roomUpdated', message.room);
        break;
      case 'data': {
        const detail = dataDetail(message, this.#roster.participants.get(message.from));
        if (detail && !isReserved(detail.topic)) this.emit('data', detail);
        break;
      }
      case 'signal':
      case 'bind':
      case 'need':
      case 'subs':
      case 'layers':
      case 'media':
      case 'route':
        this.#media.receive(message);
    }
  }

  #onPeople({ upd, gone }: PeopleMessage): void {
    const self = upd.find((info) => info.sid === this.#self?.sid);
    if (self) this.#updateSelf(self);
    const others = this.#others(upd);
    this.#announce(this.#roster.apply(others, gone));
    for (const info of others) {
      if (this.#roster.participants.has(info.sid)) this.#media.add(info);
    }
  }

  #updateSelf(info: ParticipantInfo): void {
    if (!this.#self?.update(info)) return;
    this.#media.setSelf(info);
    this.emit('participantUpdated', this.#self);
  }

  #announce({ joined, updated, left }: PeopleChange<Participant>): void {
    for (const { participant, reason } of left) {
      this.#media.remove(participant.sid);
      this.emit('participantLeft', { participant, reason });
    }
    for (const participant of joined) this.emit('participantJoined', participant);
    for (const participant of updated) this.emit('participantUpdated', participant);
  }

  /** Who leaves is not in the roster any more when its tracks end. */
  #onTrack(sid: string, info: TrackInfo, track: RemoteTrack, arrives: boolean): void {
    const participant = this.#roster.participants.get(sid);
    if (!participant) return;
    const publication = participant.setTrack(info, arrives ? track : null);
    const detail = { participant, publication, track };
    if (arrives && this.#arrived !== null) this.#arrived.push(detail);
    else this.emit(arrives ? 'trackAdded' : 'trackRemoved', detail);
  }

  #tellArrived(): void {
    const arrived = this.#arrived ?? [];
    this.#arrived = null;
    for (const one of arrived)
      if (one.publication.track === one.track) this.emit('trackAdded', one);
  }

  #onSpeakers({ speakers }: SpeakersMessage): void {
    const active = speakers.flatMap(({ sid, active: speaks }) => {
      const who = sid === this.#self?.sid ? this.#self : this.#roster.participants.get(sid);
      return speaks && who ? [who] : [];
    });
    this.emit('speakers', active);
  }

  #setState(detail: Omit<StateDetail, 'previous'>): void {
    const previous = this.#state;
    this.#state = detail.state;
    this.emit('state', { ...detail, previous });
  }

  #onClosed(error: SternaClientError | null): void {
    this.#media.close();
    this.#roster.clear();
    this.#setState({ state: 'closed', ...(error ? { reason: error.reason } : {}) });
    this.#onOpened?.(error ?? new SternaClientError('CLOSED'));
    this.emit('closed', { error });
    this.removeAllListeners();
  }
}
