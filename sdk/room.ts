// A meeting as the application holds it: the signaling connection, who is here, and their media. Owns all three and
// closes them downward, once. Made by join() only.

import type {
  JoinedMessage,
  ParticipantInfo,
  PeopleMessage,
  PushMessage,
  RoomInfo,
  SpeakersMessage,
} from '../signaling/protocol.ts';
import type { ConnectionPath } from './connection-path.ts';
import { dataDetail, dataRequest } from './data-message.ts';
import type { SendDataOptions } from './data-message.ts';
import { Emitter } from './emitter.ts';
import { SternaClientError } from './errors.ts';
import { IceRenewal } from './ice-renewal.ts';
import type { JoinOptions } from './join-options.ts';
import { RECONNECT_FOR_MS } from './limits.ts';
import type { LinkStats } from './link-stats.ts';
import { LocalMedia } from './local-media.ts';
import type { LocalPublication } from './local-publication.ts';
import { MediaEvents } from './media-events.ts';
import { MediaSetup } from './media-setup.ts';
import { Moderation } from './moderation.ts';
import { watchPage } from './page-watch.ts';
import { Participant } from './participant.ts';
import type { Preparation } from './prepare.ts';
import type { Publication } from './publication.ts';
import type { RoomEvents, RoomState, StateDetail } from './room-events.ts';
import type { RoomMedia } from './room-media.ts';
import { Roster, type RosterChange } from './roster.ts';
import { SignalConnection, type JoinedHow } from './signal-connection.ts';
import { SelfDescription } from './self-description.ts';
import { SIMULATE_FEATURE, type Simulation } from './simulate.ts';
import { Subscriptions, type Wish } from './subscriptions.ts';
import { Timeline } from './timeline.ts';
import type { TimelineSnapshot } from './timeline.ts';
import { Views } from './views.ts';

/** What join() has prepared; not for applications. */
export interface RoomSetup {
  readonly url: string;
  readonly options: JoinOptions;
  readonly preparation: Preparation;
}

const makeStream = (): MediaStream => new MediaStream();

export class Room extends Emitter<RoomEvents> {
  /** What this participant sends. */
  readonly local: LocalMedia;
  /** For who has the grant `roomAdmin`. */
  readonly moderation: Moderation;
  readonly #media: MediaSetup;
  readonly #timeline = new Timeline(() => performance.now());
  readonly #connection: SignalConnection;
  readonly #subscriptions = new Subscriptions((tracks) =>
    this.#connection.request({ type: 'subscribe', tracks }),
  );
  readonly #views = new Views((wishes) => this.#subscriptions.change(wishes));
  readonly #roster = new Roster(makeStream, this.#views);
  readonly #renewal = new IceRenewal(() => this.#connection.renew());
  readonly #description: SelfDescription;
  #joined: JoinedMessage | null = null;
  #self: Participant | null = null;
  #flow: RoomMedia | null = null;
  #speakers: readonly string[] = [];
  #state: RoomState = 'connecting';
  #unwatch: () => void = () => undefined;
  #onOpened: ((error: SternaClientError | null) => void) | null = null;

  private constructor(setup: RoomSetup) {
    super();
    const { options } = setup;
    this.local = new LocalMedia(new MediaStream(), {
      canPublish: () => this.#self?.permissions.canPublish ?? false,
      onPublications: async () => this.#flow?.sync(),
      onEnded: () => {
        if (this.#self) this.emit('participantUpdated', this.#self);
      },
      // Where the server knows the tracks, it tells of them itself.
      onAttributes: async (patch) => {
        if (this.#joined?.room.mode !== 'sfu') await this.setAttributes(patch);
      },
    });
    if (options.publish) this.local.preload(options.publish);
    const attributes = { ...options.attributes, ...this.local.attributes() };
    this.#description = new SelfDescription(attributes, options.metadata);
    const { preparation } = setup;
    const publications = (): readonly LocalPublication[] => this.local.publications;
    this.#media = new MediaSetup(
      { join: options, preparation, publications },
      new MediaEvents({
        request: (body) => this.#connection.request(body),
        participant: (sid) => this.#participant(sid),
        others: () => this.#roster.participants.values(),
        timeline: this.#timeline,
        emit: (event, detail) => this.emit(event, detail),
      }),
    );
    this.moderation = new Moderation(async (mod) => {
      await this.#connection.request({ type: 'mod', ...mod });
    });
    this.#connection = new SignalConnection(
      {
        url: setup.url,
        token: async (signal) => {
          if (options.tokenProvider) this.#media.begin();
          return options.tokenProvider?.({ signal }) ?? options.token ?? '';
        },
        tokenRenews: options.tokenProvider !== undefined,
        reconnectForMs: options.reconnectForMs ?? RECONNECT_FOR_MS,
        joinBody: () => this.#description.joinBody(),
        joinOffer: (token) => this.#media.joinOffer(token),
        openSocket: (url, protocol) => new WebSocket(url, protocol),
        now: () => Date.now(),
        random: () => Math.random(),
      },
      {
        onSocketOpen: () => this.#timeline.mark('socketOpen'),
        onJoinSent: () => this.#timeline.mark('joinSent'),
        onJoined: (message, how) => this.#onJoined(message, how),
        onPush: (message) => this.#onPush(message),
        onSpeakers: (message) => this.#onSpeakers(message),
        onAway: ({ reason, attempt, delayMs }) => {
          this.#flow?.setAway(true);
          if (this.#joined) this.#setState({ state: 'reconnecting', reason, attempt, delayMs });
        },
        onClosed: (error) => this.#onClosed(error),
      },
    );
  }

  /** For join(). */
  static open(setup: RoomSetup): Promise<Room> {
    const room = new Room(setup);
    const { signal } = setup.options;
    return new Promise((resolve, reject) => {
      room.#onOpened = (error) => {
        room.#onOpened = null;
        if (error) reject(error);
        else resolve(room);
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

  /** Who speaks, the loudest first; of rooms of mode `sfu`. */
  get activeSpeakers(): Participant[] {
    return this.#speakers.flatMap((sid) => this.#participant(sid) ?? []);
  }

  /**
   * In a room of mode `sfu`: which tracks of others to receive, and which before all others when there are more than
   * `want` allows. Resolves when the server has taken it.
   */
  async subscribe(publications: Publication | readonly Publication[], wish: Wish): Promise<void> {
    const wishes = new Map([publications].flat().map(({ sid }) => [sid, wish]));
    if (this.info.mode === 'sfu') await this.#subscriptions.change(wishes);
  }

  /** What was asked for last. */
  subscription(publication: Publication): Readonly<Wish> {
    return this.#subscriptions.of(publication.sid);
  }

  /** Sends to the room or to some; resolves when the server has taken it. Strings go as UTF-8. */
  async sendData(payload: Uint8Array | string, options: SendDataOptions = {}): Promise<void> {
    if (!this.self.permissions.canPublishData) throw new SternaClientError('NOT_ALLOWED');
    const { dataBytes } = this.#lastJoined().limits;
    await this.#connection.request(dataRequest(payload, options, dataBytes));
  }

  /**
   * Changes the attributes that everybody sees; `null` deletes one. Resolves when the server has taken it.
   */
  async setAttributes(patch: Readonly<Record<string, string | null>>): Promise<void> {
    await this.#connection.request(this.#description.patch(patch));
  }

  async setMetadata(metadata: string): Promise<void> {
    await this.#connection.request(this.#description.setMetadata(metadata));
  }

  /** Whether the token lets `simulate`. */
  get maySimulate(): boolean {
    return this.#lastJoined().server.features.includes(SIMULATE_FEATURE);
  }

  /** For development: has our own connection go wrong. Resolves when the server has taken it. */
  async simulate(simulation: Simulation): Promise<void> {
    await this.#connection.request({ type: 'simulate', ...simulation });
  }

  /** When the phases of joining were reached, milliseconds since join() was called. */
  timeline(): TimelineSnapshot {
    return this.#timeline.snapshot();
  }

  /** How media travels to and from a participant; null while nothing is connected. */
  async connectionPath(sid: string): Promise<ConnectionPath | null> {
    return (await this.#flow?.connectionPath(sid)) ?? null;
  }

  /**
   * Counters of what comes from each participant and goes to it, by sid. In a room of mode `sfu` what is sent stands
   * with `self`; what is received through a slot is counted on when the slot carries another track.
   */
  async stats(): Promise<Map<string, LinkStats>> {
    return (await this.#flow?.stats()) ?? new Map<string, LinkStats>();
  }

  /** Loudness of a participant now, 0 to 1. Cheap enough to ask for several times a second. */
  audioLevel(sid: string): number {
    return this.#flow?.audioLevel(sid) ?? 0;
  }

  /** Ends everything; idempotent. Others see it at once. */
  leave(reason = 'left'): void {
    this.#connection.close(reason);
  }

  #lastJoined(): JoinedMessage {
    if (!this.#joined) throw new SternaClientError('CLOSED');
    return this.#joined;
  }

  #onJoined(message: JoinedMessage, how: JoinedHow): void {
    if (this.#joined === null) this.#watch();
    this.#joined = message;
    this.#timeline.mark('joined');
    const isNew = how === 'joined' || how === 'rejoined';
    if (isNew) this.#enter(message);
    else this.#reenter(message, how === 'lost');
    // A new session was made just now by the server's clock; later the pongs tell how that differs from ours.
    const serverNow = Date.now() + this.#connection.clockOffsetMs;
    this.#renewal.schedule(message.ice, isNew ? message.self.joinedAt : serverNow);
    this.#setState({ state: 'connected', how: how === 'lost' ? 'resumed' : how });
    this.#onOpened?.(null);
  }

  /** A new session: all media starts anew, under our new sid. */
  #enter(message: JoinedMessage): void {
    this.#flow?.close();
    this.#flow = null;
    const { mode } = message.room;
    this.#roster.mode = mode;
    this.#self = new Participant(message.self, { mode, stream: this.local.stream, makeStream });
    if (!message.self.perm.canPublish) this.local.revoke().catch(() => undefined);
    const flow = this.#media.open(message);
    this.#flow = flow;
    const others = this.#others(message.participants);
    this.#announce(this.#roster.replace(others));
    for (const info of others) flow.add(info, true);
    const present = new Set(others.flatMap(({ tracks }) => tracks.map(({ sid }) => sid)));
    this.#subscriptions.repeat(present).catch(() => undefined);
  }

  /** The same session: media goes on. With `lost` nothing that was sent meanwhile can be relied on. */
  #reenter(message: JoinedMessage, lost: boolean): void {
    this.#updateSelf(message.self);
    this.#flow?.setIceServers(message.ice.servers);
    this.#flow?.setAway(false);
    if (!lost) return;
    this.#announce(this.#roster.replace(this.#others(message.participants)));
    this.#flow?.recover(message);
  }

  #participant(sid: string): Participant | undefined {
    return sid === this.#self?.sid ? this.#self : this.#roster.participants.get(sid);
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
        if (detail) this.emit('data', detail);
        break;
      }
      case 'signal':
      case 'bind':
      case 'need':
      case 'subs':
      case 'layers':
      case 'media':
        this.#flow?.receive(message, (sid) => this.#roster.participants.has(sid));
        break;
    }
  }

  #onSpeakers({ speakers }: SpeakersMessage): void {
    this.#speakers = speakers.flatMap(({ sid, active }) => (active ? [sid] : []));
    this.emit('speakers', this.activeSpeakers);
  }

  #onPeople(message: PeopleMessage): void {
    const self = message.upd.find((info) => info.sid === this.#self?.sid);
    if (self) this.#updateSelf(self);
    const others = this.#others(message.upd);
    this.#announce(this.#roster.apply(others, message.gone));
    for (const info of others) {
      if (this.#roster.participants.has(info.sid)) this.#flow?.add(info, false);
    }
  }

  #updateSelf(info: ParticipantInfo): void {
    if (!this.#self?.update(info)) return;
    this.#flow?.setSelf(info);
    if (!info.perm.canPublish) this.local.revoke().catch(() => undefined);
    this.emit('participantUpdated', this.#self);
  }

  #announce(change: RosterChange): void {
    for (const { participant, reason } of change.left) {
      this.#flow?.remove(participant.sid);
      participant.clear();
      this.#timeline.forget(participant.sid);
      this.emit('participantLeft', { participant, reason });
    }
    for (const participant of change.joined) this.emit('participantJoined', participant);
    for (const participant of change.updated) this.emit('participantUpdated', participant);
  }

  #watch(): void {
    this.#unwatch = watchPage({
      networkChange: () => {
        this.#connection.probe();
        this.#flow?.restart();
      },
      hide: () => this.leave('page closed'),
    });
  }

  #setState(detail: Omit<StateDetail, 'previous'>): void {
    const previous = this.#state;
    this.#state = detail.state;
    this.emit('state', { ...detail, previous });
  }

  #onClosed(error: SternaClientError | null): void {
    this.#renewal.stop();
    this.#unwatch();
    this.#flow?.close();
    this.#media.close();
    this.#views.close();
    this.local.close();
    this.#roster.clear();
    this.#setState({ state: 'closed', ...(error ? { reason: error.reason } : {}) });
    this.#onOpened?.(error ?? new SternaClientError('CLOSED'));
    this.emit('closed', { error });
    this.removeAllListeners();
  }
}
