// A meeting as the application holds it: the signaling connection, who is here, and their media. Owns all three and
// closes them downward, once. Made by join() only.

import type {
  JoinedMessage,
  ParticipantInfo,
  PushMessage,
  RoomInfo,
} from '../signaling/protocol.ts';
import type { ConnectionPath } from './connection-path.ts';
import { DataExchange } from './data-exchange.ts';
import type { SendDataOptions } from './data-message.ts';
import { diagnoseRoom } from './diagnose.ts';
import { Emitter } from './emitter.ts';
import type { RoomEncryption } from './encryption.ts';
import { SternaClientError } from './errors.ts';
import type { Finding } from './findings.ts';
import { IceRenewal } from './ice-renewal.ts';
import { MEDIA_WAIT_MS } from './limits.ts';
import type { LinkStats } from './link-stats.ts';
import { LocalMedia } from './local-media.ts';
import type { LocalPublication } from './local-publication.ts';
import { MediaEvents } from './media-events.ts';
import { MediaSetup } from './media-setup.ts';
import { Moderation } from './moderation.ts';
import { Admission } from './admission.ts';
import { PageLife } from './page-life.ts';
import type { Participant } from './participant.ts';
import { Company } from './company.ts';
import type { Publication } from './publication.ts';
import { Encryption } from './room-encryption.ts';
import type { RoomEvents, RoomState, StateDetail, TrackDetail } from './room-events.ts';
import type { RoomMedia, RoomMediaSink } from './room-media.ts';
import type { RoomSetup } from './room-setup.ts';
import type { RosterChange } from './roster.ts';
import type { Rpc } from './rpc.ts';
import { SelfDescription } from './self-description.ts';
import { SignalConnection } from './signal-connection.ts';
import type { JoinedHow } from './signal-session.ts';
import { signalOptions } from './signal-setup.ts';
import { SIMULATE_FEATURE, type Simulation } from './simulate.ts';
import { Speakers } from './speakers.ts';
import { Subscriptions, type Wish } from './subscriptions.ts';
import { Timeline } from './timeline.ts';
import type { TimelineSnapshot } from './timeline.ts';
import { Views } from './views.ts';

export class Room extends Emitter<RoomEvents> {
  /** What this participant sends. */
  readonly local: LocalMedia;
  /** For who has the grant `roomAdmin`. */
  readonly moderation: Moderation;
  /** Methods of others, and one's own for them. */
  readonly rpc: Rpc;
  readonly #media: MediaSetup;
  readonly #timeline = new Timeline(() => performance.now());
  readonly #connection: SignalConnection;
  readonly #subscriptions = new Subscriptions((tracks) =>
    this.#connection.request({ type: 'subscribe', tracks }),
  );
  readonly #views = new Views((wishes) => this.#subscriptions.change(wishes));
  readonly #company: Company;
  readonly #data: DataExchange;
  readonly #admission: Admission;
  readonly #page: PageLife;
  readonly #renewal = new IceRenewal(() => this.#connection.renew());
  readonly #description: SelfDescription;
  #joined: JoinedMessage | null = null;
  #flow: RoomMedia | null = null;
  readonly #speakers = new Speakers(() => this.emit('speakers', this.activeSpeakers));
  #state: RoomState = 'connecting';
  readonly #encryption: Encryption;

  private constructor(setup: RoomSetup) {
    super();
    const { options, preparation, url } = setup;
    const emit = <K extends keyof RoomEvents>(event: K, detail: RoomEvents[K]): void =>
      this.emit(event, detail);
    const participants = (): ReadonlyMap<string, Participant> => this.participants;
    const request: RoomMediaSink['request'] = (body) => this.#connection.request(body);
    const outlet = { emit, participants, request };
    const { mediaTimeoutMs = MEDIA_WAIT_MS, signal } = options;
    const onAbort = (): void => this.leave('aborted');
    this.#admission = new Admission({ mediaTimeoutMs, signal, onAbort });
    this.#page = new PageLife(url, options.resume, {
      // Others would have to make their connections to it anew, which a mesh does not, or to believe other keys.
      stayer: () =>
        this.info.mode === 'p2p' || this.encryption.enabled
          ? null
          : { room: this.info.name, identity: this.self.identity },
      pause: (backMs) => this.#connection.pause(backMs),
      wake: (isOurs) => this.#connection.wake(isOurs),
      leave: () => this.leave('page closed'),
      onNetworkChange: () => {
        this.#connection.probe();
        this.#flow?.restart();
      },
    });
    this.#company = new Company(this.#views, {
      emit,
      onChange: (change) => this.#onChange(change),
      onSelf: (info) => this.#onSelf(info),
    });
    this.#data = new DataExchange({
      ...outlet,
      self: () => this.self,
      limits: () => this.#lastJoined().limits,
    });
    this.rpc = this.#data.rpc;
    this.local = new LocalMedia(new MediaStream(), {
      canPublish: () => this.#company.self?.permissions.canPublish ?? false,
      onPublications: async () => this.#flow?.sync(),
      onEnded: () => {
        if (this.#company.self) this.emit('participantUpdated', this.#company.self);
      },
      // Where the server knows the tracks, it tells of them itself.
      onAttributes: async (patch) => {
        if (this.#joined?.room.mode === 'p2p') await this.setAttributes(patch);
      },
    });
    if (options.publish) this.local.preload(options.publish);
    this.#encryption = new Encryption(setup.crypto, outlet);
    const own = { ...this.#encryption.attributes, ...this.local.attributes() };
    this.#description = new SelfDescription(own, options);
    const publications = (): readonly LocalPublication[] => this.local.publications;
    this.#media = new MediaSetup(
      { join: options, preparation, publications, crypto: this.#encryption.media },
      new MediaEvents({
        ...outlet,
        participant: (sid) => this.#company.get(sid),
        timeline: this.#timeline,
        speakers: this.#speakers,
        onConnected: () => this.#admission.connected(),
      }),
    );
    this.moderation = new Moderation(async (mod) => void (await request({ type: 'mod', ...mod })));
    this.#connection = new SignalConnection(
      signalOptions({ url, options }, this.#media, this.#page, this.#description),
      {
        onSocketOpen: () => this.#timeline.mark('socketOpen'),
        onJoinSent: () => this.#timeline.mark('joinSent'),
        onJoined: (message, how) => this.#onJoined(message, how),
        onPush: (message) => this.#onPush(message),
        onSpeakers: ({ speakers }) =>
          this.#speakers.tell(speakers.flatMap(({ sid, active }) => (active ? [sid] : []))),
        onAway: ({ reason, attempt, delayMs }) => {
          this.#flow?.setAway(true);
          if (this.#joined) this.#setState({ state: 'reconnecting', reason, attempt, delayMs });
        },
        onClosed: (error) => this.#onClosed(error),
      },
    );
  }

  /** For join(). */
  static async open(setup: RoomSetup): Promise<Room> {
    const room = new Room(setup);
    await room.#admission.wait(() => room.#connection.start());
    const arrived = room.#company.arrived();
    // Whoever waits for join() listens by then.
    setTimeout(() => room.#begin(arrived), 0);
    return room;
  }

  /**
   * Resolves when media is connected, and at once where none goes through the server; after join() only where that took
   * too long. Rejects with SternaClientError when the room is closed before.
   */
  get ready(): Promise<void> {
    return this.#admission.ready;
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
    if (!this.#company.self) throw new SternaClientError('CLOSED');
    return this.#company.self;
  }

  /** The others, by sid; a live map. */
  get participants(): ReadonlyMap<string, Participant> {
    return this.#company.others;
  }

  /** End to end, so that the server cannot read what it passes on; see also `participant.encryption`. */
  get encryption(): RoomEncryption {
    return this.#encryption.summary;
  }

  /** What comes from others comes from them at the moment, and not through the server. */
  get isDirect(): boolean {
    return this.#flow?.isDirect ?? false;
  }

  /** Who speaks, the loudest first; not in rooms of mode `p2p`. */
  get activeSpeakers(): Participant[] {
    return this.#speakers.sids.flatMap((sid) => this.#company.get(sid) ?? []);
  }

  /**
   * Where the server forwards: which tracks of others to receive, and which before all others when there are more than
   * `want` allows. Resolves when the server has taken it.
   */
  async subscribe(publications: Publication | readonly Publication[], wish: Wish): Promise<void> {
    const wishes = new Map([publications].flat().map(({ sid }) => [sid, wish]));
    if (this.info.mode !== 'p2p') await this.#subscriptions.change(wishes);
  }

  /** What was asked for last. */
  subscription(publication: Publication): Readonly<Wish> {
    return this.#subscriptions.of(publication.sid);
  }

  /** Sends to the room or to some; resolves when the server has taken it. Strings go as UTF-8. */
  async sendData(payload: Uint8Array | string, options: SendDataOptions = {}): Promise<void> {
    await this.#data.send(payload, options);
  }

  /** Changes the attributes that everybody sees; `null` deletes one. Resolves when the server has taken it. */
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
   * Counters of what comes from each participant and goes to it, by sid. Where the server forwards, what is sent stands
   * with `self`, and what is received through a slot is counted on when the slot carries another track.
   */
  async stats(): Promise<Map<string, LinkStats>> {
    return (await this.#flow?.stats()) ?? new Map<string, LinkStats>();
  }

  /** Looks for a second at what may be wrong, and says what to do: the worst first, nothing when all is well. */
  async diagnose(): Promise<Finding[]> {
    return diagnoseRoom(this, () => this.#connection.clockOffsetMs);
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
    if (this.#joined === null) this.#page.begin();
    this.#joined = message;
    this.#timeline.mark('joined');
    const isSame = how === 'resumed' || how === 'lost';
    if (isSame) this.#reenter(message, how === 'lost');
    else this.#enter(message);
    // A new session was made just now by the server's clock; later the pongs tell how that differs from ours.
    const serverNow = Date.now() + this.#connection.clockOffsetMs;
    this.#renewal.schedule(message.ice, message.resumed ? serverNow : message.self.joinedAt);
    const told = how === 'joined' || how === 'rejoined' ? how : 'resumed';
    this.#setState({ state: 'connected', how: told });
    if (how === 'rejoined') this.rpc.reset(new SternaClientError('SESSION_GONE'));
    this.#admission.joined(this.#media.isThroughServer);
  }

  /** What this page knows nothing of: a new session, or one that another page began. All media starts anew. */
  #enter(message: JoinedMessage): void {
    this.#flow?.close();
    this.#flow = null;
    this.#company.begin(message, this.local.stream);
    if (!message.self.perm.canPublish) this.local.revoke().catch(() => undefined);
    this.#encryption.enter(message);
    const flow = this.#media.open(message);
    this.#flow = flow;
    const others = this.#company.replace(message.participants);
    for (const info of others) flow.add(info, true);
    const present = new Set(others.flatMap(({ tracks }) => tracks.map(({ sid }) => sid)));
    this.#subscriptions.repeat(present).catch(() => undefined);
    const change = message.resumed && this.#description.adopt(message.self);
    if (change) this.#connection.request(change).catch(() => undefined);
  }

  /** The same session: media goes on. With `lost` nothing that was sent meanwhile can be relied on. */
  #reenter(message: JoinedMessage, lost: boolean): void {
    this.#company.updateSelf(message.self);
    this.#flow?.setIceServers(message.ice.servers);
    this.#flow?.setAway(false);
    if (!lost) return;
    this.#company.replace(message.participants);
    this.#encryption.recover();
    this.#flow?.recover(message);
  }

  /** The application listens from now on; `arrived` it could not hear of. */
  #begin(arrived: readonly TrackDetail[]): void {
    if (this.#state === 'closed') return;
    for (const one of arrived)
      if (one.publication.track === one.track) this.emit('trackAdded', one);
    this.#data.open();
    if (!this.#admission.isLate) return;
    const error = new SternaClientError('MEDIA_UNREACHABLE');
    this.emit('warning', { participant: this.self, error });
  }

  #onPush(message: PushMessage): void {
    switch (message.type) {
      case 'people':
        for (const info of this.#company.apply(message)) this.#flow?.add(info, false);
        break;
      case 'room':
        this.#joined = { ...this.#lastJoined(), room: message.room };
        this.emit('roomUpdated', message.room);
        break;
      case 'data':
        if (!this.#encryption.take(message)) this.#data.receive(message);
        break;
      case 'signal':
      case 'bind':
      case 'need':
      case 'subs':
      case 'layers':
      case 'media':
      case 'route':
        this.#flow?.receive(message, (sid) => this.participants.has(sid));
        break;
    }
  }

  #onSelf(info: ParticipantInfo): void {
    this.#flow?.setSelf(info);
    if (!info.perm.canPublish) this.local.revoke().catch(() => undefined);
  }

  #onChange(change: RosterChange): void {
    this.#encryption.follow(change);
    for (const { participant } of change.left) {
      this.#flow?.remove(participant.sid);
      this.#timeline.forget(participant.sid);
      this.rpc.left(participant.sid);
    }
  }

  #setState(detail: Omit<StateDetail, 'previous'>): void {
    const previous = this.#state;
    this.#state = detail.state;
    this.emit('state', { ...detail, previous });
  }

  #onClosed(error: SternaClientError | null): void {
    this.#renewal.stop();
    this.#page.end();
    this.#flow?.close();
    this.#media.close();
    this.#encryption.close();
    this.#views.close();
    this.local.close();
    this.#company.clear();
    this.#setState({ state: 'closed', ...(error ? { reason: error.reason } : {}) });
    const why = error ?? new SternaClientError('CLOSED');
    this.rpc.reset(why);
    this.#admission.closed(why);
    this.emit('closed', { error });
    this.removeAllListeners();
  }
}
