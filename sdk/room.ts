// A meeting as the application holds it: the signaling connection, who is here, and the mesh of media
// links. Owns all three and closes them downward, once. Made by join() only.

import type {
  JoinMessage,
  JoinedMessage,
  ParticipantInfo,
  PeopleMessage,
  PushMessage,
  RelayedDataMessage,
  RoomInfo,
} from '../signaling/protocol.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { connectionPathOf } from './connection-path.ts';
import type { ConnectionPath } from './connection-path.ts';
import { Emitter } from './emitter.ts';
import { SternaClientError } from './errors.ts';
import type { JoinOptions } from './join-options.ts';
import { ICE_RENEW_EARLY_MS, RECONNECT_FOR_MS, TIMER_MAX_MS } from './limits.ts';
import { linkStatsOf } from './link-stats.ts';
import type { LinkStats } from './link-stats.ts';
import { LocalMedia } from './local-media.ts';
import { Mesh } from './mesh.ts';
import type { LinkSink } from './mesh-link.ts';
import { watchNetwork } from './network-watch.ts';
import { Participant } from './participant.ts';
import type { RoomEvents, RoomState, StateDetail } from './room-events.ts';
import { Roster } from './roster.ts';
import type { RosterChange } from './roster.ts';
import { SignalConnection } from './signal-connection.ts';
import type { JoinedHow } from './signal-connection.ts';
import { Timeline } from './timeline.ts';
import type { TimelineSnapshot } from './timeline.ts';
import { SDK_NAME, SDK_VERSION } from './version.ts';

export interface SendDataOptions {
  /** Sids; everybody else in the room when left out. */
  to?: string | readonly string[];
  topic?: string;
}

/** What join() has prepared; not for applications. */
export interface RoomSetup {
  readonly url: string;
  readonly options: JoinOptions;
  /** One for all links, as soon as it is made. */
  readonly certificate: () => RTCCertificate | undefined;
}

export class Room extends Emitter<RoomEvents> {
  /** What this participant sends. */
  readonly local: LocalMedia;
  readonly #setup: RoomSetup;
  readonly #timeline = new Timeline(() => performance.now());
  readonly #roster = new Roster(() => new MediaStream());
  readonly #connection: SignalConnection;
  readonly #attributes: Record<string, string>;
  #metadata: string | undefined;
  #joined: JoinedMessage | null = null;
  #self: Participant | null = null;
  #mesh: Mesh | null = null;
  #state: RoomState = 'connecting';
  #renewTimer: ReturnType<typeof setTimeout> | undefined;
  #unwatch: () => void = () => undefined;
  #onOpened: ((error: SternaClientError | null) => void) | null = null;

  private constructor(setup: RoomSetup) {
    super();
    const { options } = setup;
    this.#setup = setup;
    this.#metadata = options.metadata;
    this.local = new LocalMedia(new MediaStream(), {
      canPublish: () => this.#self?.permissions.canPublish ?? false,
      onPublications: async () => this.#mesh?.syncSenders(),
      onAttributes: (patch) => this.setAttributes(patch),
    });
    if (options.publish) this.local.preload(options.publish);
    this.#attributes = { ...options.attributes, ...this.local.attributes() };
    this.#connection = new SignalConnection(
      {
        url: setup.url,
        token: async (signal) =>
          options.tokenProvider ? options.tokenProvider({ signal }) : (options.token ?? ''),
        tokenRenews: options.tokenProvider !== undefined,
        reconnectForMs: options.reconnectForMs ?? RECONNECT_FOR_MS,
        joinBody: () => this.#joinBody(),
        openSocket: (url, protocol) => new WebSocket(url, protocol),
        now: () => Date.now(),
        random: () => Math.random(),
      },
      {
        onSocketOpen: () => this.#timeline.mark('socketOpen'),
        onJoined: (message, how) => this.#onJoined(message, how),
        onPush: (message) => this.#onPush(message),
        onAway: ({ reason, attempt, delayMs }) => {
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

  /** The room as the server described it at the last join or resume. */
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

  /** Sends to the room or to some; resolves when the server has taken it. Strings go as UTF-8. */
  async sendData(payload: Uint8Array | string, options: SendDataOptions = {}): Promise<void> {
    const bytes = typeof payload === 'string' ? new TextEncoder().encode(payload) : payload;
    if (!this.self.permissions.canPublishData) throw new SternaClientError('NOT_ALLOWED');
    if (bytes.length > this.#lastJoined().limits.dataBytes)
      throw new SternaClientError('TOO_LARGE');
    const { to, topic } = options;
    await this.#connection.request({
      type: 'data',
      payload: encodeBase64(bytes),
      ...(to === undefined ? {} : { to: typeof to === 'string' ? [to] : [...to] }),
      ...(topic === undefined ? {} : { topic }),
    });
  }

  /**
   * Changes the attributes that everybody sees; `null` deletes one. Resolves when the server has taken it.
   */
  async setAttributes(patch: Readonly<Record<string, string | null>>): Promise<void> {
    for (const [name, value] of Object.entries(patch)) {
      if (value === null) delete this.#attributes[name];
      else this.#attributes[name] = value;
    }
    await this.#connection.request({ type: 'attrs', attrs: { ...patch } });
  }

  async setMetadata(metadata: string): Promise<void> {
    this.#metadata = metadata;
    await this.#connection.request({ type: 'attrs', meta: metadata });
  }

  /** When the phases of joining were reached, milliseconds since join() was called. */
  timeline(): TimelineSnapshot {
    return this.#timeline.snapshot();
  }

  /** How media travels to and from a participant; null while nothing is connected. */
  async connectionPath(sid: string): Promise<ConnectionPath | null> {
    const link = this.#mesh?.link(sid);
    return link ? connectionPathOf(await link.pc.getStats()) : null;
  }

  /** Counters of every link, by sid. */
  async stats(): Promise<Map<string, LinkStats>> {
    const links = [...(this.#mesh?.links() ?? [])];
    const read = async ({ sid, pc }: (typeof links)[number]): Promise<[string, LinkStats]> => [
      sid,
      linkStatsOf(await pc.getStats()),
    ];
    return new Map(await Promise.all(links.map(read)));
  }

  /** Loudness of a participant now, 0 to 1. Cheap enough to ask for several times a second. */
  audioLevel(sid: string): number {
    return this.#mesh?.link(sid)?.audioLevel() ?? 0;
  }

  /** Ends everything; idempotent. Others see it at once. */
  leave(reason = 'left'): void {
    this.#connection.close(reason);
  }

  #lastJoined(): JoinedMessage {
    if (!this.#joined) throw new SternaClientError('CLOSED');
    return this.#joined;
  }

  #joinBody(): Pick<JoinMessage, 'client' | 'attrs' | 'meta'> {
    return {
      client: { sdk: SDK_NAME, ver: SDK_VERSION, ua: navigator.userAgent.slice(0, 512) },
      attrs: { ...this.#attributes },
      ...(this.#metadata === undefined ? {} : { meta: this.#metadata }),
    };
  }

  #onJoined(message: JoinedMessage, how: JoinedHow): void {
    const first = this.#joined === null;
    this.#joined = message;
    this.#timeline.mark('joined');
    if (how === 'joined' || how === 'rejoined') this.#enter(message);
    else this.#reenter(message, how === 'lost');
    this.#scheduleRenewal(message, how);
    if (first) this.#watch();
    const told = how === 'lost' ? 'resumed' : how;
    this.#setState({ state: 'connected', how: told });
    this.#onOpened?.(null);
  }

  /** A new session: everything between participants starts anew, under our new sid. */
  #enter(message: JoinedMessage): void {
    this.#mesh?.close();
    this.#self = new Participant(message.self, this.local.stream);
    this.#mesh = new Mesh(
      {
        relayOnly: this.#setup.options.relayOnly ?? false,
        certificate: this.#setup.certificate,
        publications: () => this.local.publications,
        now: () => performance.now(),
      },
      { self: message.self, iceServers: message.ice.servers },
      this.#linkSink(),
    );
    if (!message.self.perm.canPublish) this.local.revoke().catch(() => undefined);
    const others = this.#others(message.participants);
    this.#announce(this.#roster.replace(others));
    for (const info of others) this.#mesh.add(info, true);
  }

  /** The same session: links stay. With `lost` nothing that was sent meanwhile can be relied on. */
  #reenter(message: JoinedMessage, lost: boolean): void {
    this.#updateSelf(message.self);
    this.#mesh?.setIceServers(message.ice.servers);
    if (!lost) return;
    this.#mesh?.restartAll();
    const others = this.#others(message.participants);
    this.#announce(this.#roster.replace(others));
    for (const info of others) this.#mesh?.add(info, true);
  }

  #others(infos: readonly ParticipantInfo[]): ParticipantInfo[] {
    return infos.filter((info) => info.sid !== this.#self?.sid);
  }

  #onPush(message: PushMessage): void {
    switch (message.type) {
      case 'people':
        this.#onPeople(message);
        break;
      case 'signal':
        this.#mesh?.receive(message, this.#roster.participants.has(message.from));
        break;
      case 'data':
        this.#onData(message);
        break;
    }
  }

  #onPeople(message: PeopleMessage): void {
    const self = message.upd.find((info) => info.sid === this.#self?.sid);
    if (self) this.#updateSelf(self);
    const others = this.#others(message.upd);
    this.#announce(this.#roster.apply(others, message.gone));
    for (const info of others) {
      if (this.#roster.participants.has(info.sid)) this.#mesh?.add(info, false);
    }
  }

  #updateSelf(info: ParticipantInfo): void {
    if (!this.#self?.update(info)) return;
    this.#mesh?.setSelf(info);
    for (const { sid, permissions } of this.#roster.participants.values()) {
      this.#mesh?.add({ sid, perm: permissions }, true);
    }
    if (!info.perm.canPublish) this.local.revoke().catch(() => undefined);
    this.emit('participantUpdated', this.#self);
  }

  #announce(change: RosterChange): void {
    for (const { participant, reason } of change.left) {
      this.#mesh?.remove(participant.sid);
      this.#timeline.forget(participant.sid);
      this.emit('participantLeft', { participant, reason });
    }
    for (const participant of change.joined) this.emit('participantJoined', participant);
    for (const participant of change.updated) this.emit('participantUpdated', participant);
  }

  #onData(message: RelayedDataMessage): void {
    const payload = decodeBase64(message.payload);
    if (!payload) return;
    this.emit('data', {
      from: message.from,
      participant: this.#roster.participants.get(message.from),
      topic: message.topic,
      payload,
      direct: message.direct,
    });
  }

  #linkSink(): LinkSink {
    const known = (sid: string): Participant | undefined => this.#roster.participants.get(sid);
    return {
      send: (to, signal) => {
        // Refused when the participant has just left; its `people` is on the way.
        this.#connection.request({ type: 'signal', to, ...signal }).catch(() => undefined);
      },
      onTrack: (sid, track) => {
        const participant = known(sid);
        participant?.stream.addTrack(track);
        if (participant) this.emit('trackAdded', { participant, track });
      },
      onTrackGone: (sid, track) => {
        const participant = known(sid);
        participant?.stream.removeTrack(track);
        if (participant) this.emit('trackRemoved', { participant, track });
      },
      onLinkState: (sid, state) => {
        const participant = known(sid);
        participant?.setLinkState(state);
        if (participant) this.emit('participantUpdated', participant);
      },
      onPath: (sid, path) => {
        const participant = known(sid);
        if (participant) this.emit('path', { participant, path });
      },
      onPhase: (sid, phase) => this.#timeline.markLink(sid, phase),
      onFault: (sid, error) => this.emit('warning', { participant: known(sid), error }),
    };
  }

  /** TURN credentials end; resuming the session brings fresh ones before an ICE restart needs them. */
  #scheduleRenewal({ ice, self }: JoinedMessage, how: JoinedHow): void {
    clearTimeout(this.#renewTimer);
    if (!ice.servers.some(({ credential }) => credential !== undefined)) return;
    // A new session was made just now by the server's clock; later the pongs tell how that differs from ours.
    const isNew = how === 'joined' || how === 'rejoined';
    const now = isNew ? self.joinedAt : Date.now() + this.#connection.clockOffsetMs;
    const leftMs = ice.expiresAt - now - ICE_RENEW_EARLY_MS;
    const delayMs = Math.min(Math.max(leftMs, ICE_RENEW_EARLY_MS), TIMER_MAX_MS);
    this.#renewTimer = setTimeout(() => this.#connection.renew(), delayMs);
  }

  #watch(): void {
    const unwatchNetwork = watchNetwork(() => {
      this.#connection.probe();
      this.#mesh?.restartAll();
    });
    const onPageHide = (): void => this.leave('page closed');
    addEventListener('pagehide', onPageHide);
    this.#unwatch = () => {
      unwatchNetwork();
      removeEventListener('pagehide', onPageHide);
    };
  }

  #setState(detail: Omit<StateDetail, 'previous'>): void {
    const previous = this.#state;
    this.#state = detail.state;
    this.emit('state', { ...detail, previous });
  }

  #onClosed(error: SternaClientError | null): void {
    clearTimeout(this.#renewTimer);
    this.#unwatch();
    this.#mesh?.close();
    this.local.close();
    this.#roster.clear();
    this.#setState({ state: 'closed', ...(error ? { reason: error.reason } : {}) });
    this.#onOpened?.(error ?? new SternaClientError('CLOSED'));
    this.emit('closed', { error });
    this.removeAllListeners();
  }
}
