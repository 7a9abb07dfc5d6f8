// The local side: which tracks are published, device switching, and the mute state that others see. Owned
// by room.ts; opens devices through getUserMedia and closes those that it opened.

import type { TrackSource } from '../signaling/protocol.ts';
import { SternaClientError } from './errors.ts';
import { isMuted } from './local-publication.ts';
import type { LocalPublication } from './local-publication.ts';
import { CAMERA_ATTRIBUTE, MICROPHONE_ATTRIBUTE } from './participant.ts';

export interface PublishOptions {
  /** By default the first audio track is the microphone and the first video track the camera. */
  source?: TrackSource;
  /** For what the source does not tell; others see it in rooms of mode `sfu`. */
  name?: string;
}

export interface LocalMediaSink {
  canPublish(): boolean;
  /** The publications have changed: senders follow. */
  onPublications(): Promise<void>;
  /** A device is gone, or the user has ended the sharing of the screen. */
  onEnded(): void;
  /** The mute state has changed: others are told. */
  onAttributes(patch: Record<string, string | null>): Promise<void>;
}

type DeviceSource = 'microphone' | 'camera';

interface Candidate {
  track: MediaStreamTrack;
  source?: TrackSource | undefined;
  name?: string | undefined;
  /** The SDK opened it. */
  owned?: boolean;
}

const SCREEN: ReadonlySet<TrackSource> = new Set(['screen', 'screen-audio']);

const ATTRIBUTES: Readonly<Record<DeviceSource, string>> = {
  microphone: MICROPHONE_ATTRIBUTE,
  camera: CAMERA_ATTRIBUTE,
};

/** A mesh sends its video once per participant, so the default is modest. */
const CAMERA: MediaTrackConstraints = {
  width: { ideal: 960 },
  height: { ideal: 540 },
  frameRate: { ideal: 30 },
};

function constraintsFor(source: DeviceSource, deviceId?: string): MediaStreamConstraints {
  const device = deviceId ? { deviceId: { exact: deviceId } } : {};
  return source === 'camera' ? { video: { ...CAMERA, ...device } } : { audio: { ...device } };
}

/** Browsers have none on pages without HTTPS, and phones share no screens. */
function devices(method: 'getUserMedia' | 'getDisplayMedia'): MediaDevices {
  // Types promise what browsers do not.
  const all: Partial<MediaDevices> | undefined = navigator.mediaDevices;
  if (!all?.[method]) throw new SternaClientError('UNSUPPORTED');
  return navigator.mediaDevices;
}

export class LocalMedia {
  /** What is published but the screen, for the self view. */
  readonly stream: MediaStream;
  readonly #sink: LocalMediaSink;
  /** Apart from the rest, since its sound belongs to its picture. */
  readonly #screen = new MediaStream();
  readonly #publications: LocalPublication[] = [];
  readonly #announced = new Map<string, string>();
  #closed = false;

  constructor(stream: MediaStream, sink: LocalMediaSink) {
    this.stream = stream;
    this.#sink = sink;
  }

  /** A copy, so that a loop over it may publish and unpublish. */
  get publications(): readonly LocalPublication[] {
    return [...this.#publications];
  }

  /** `true` when there is a microphone that is not muted. */
  get microphoneEnabled(): boolean {
    return this.#enabled('microphone');
  }

  /** `true` when there is a camera that is not switched off. */
  get cameraEnabled(): boolean {
    return this.#enabled('camera');
  }

  /** `true` while the screen is shared. */
  get screenShareEnabled(): boolean {
    return this.#find('screen') !== undefined;
  }

  /**
   * Sends `media` to everybody who may receive. The tracks stay the caller's: `leave()` does not stop them.
   * Rejects with NOT_ALLOWED when the token does not grant publishing.
   */
  async publish(
    media: MediaStream | MediaStreamTrack,
    options: PublishOptions = {},
  ): Promise<LocalPublication[]> {
    this.#assertMayPublish();
    const tracks = 'getTracks' in media ? media.getTracks() : [media];
    const { source, name } = options;
    return this.#publish(tracks.map((track) => ({ track, source, name })));
  }

  /** Stops sending; a device that the SDK opened is closed. */
  async unpublish(target: LocalPublication | MediaStreamTrack): Promise<void> {
    const publication = this.#publications.find((p) => p === target || p.track === target);
    if (!publication) return;
    this.#take(publication);
    await this.#changed();
  }

  /**
   * Mutes or unmutes; opens the default microphone when there is none. Rejects with getUserMedia's
   * DOMException.
   */
  async enableMicrophone(enabled = true): Promise<void> {
    await this.#setEnabled('microphone', enabled);
  }

  /**
   * Switches the picture off or on; opens the default camera when there is none. Rejects like the
   * microphone.
   */
  async enableCamera(enabled = true): Promise<void> {
    await this.#setEnabled('camera', enabled);
  }

  /**
   * Shares the screen, which the browser lets the user choose, or ends that; also when the user ends it in the
   * browser. Rejects with getDisplayMedia's DOMException.
   */
  async enableScreenShare(enabled = true, options?: DisplayMediaStreamOptions): Promise<void> {
    if (!enabled) {
      const shared = this.#publications.filter(({ source }) => SCREEN.has(source));
      await Promise.all(shared.map((publication) => this.unpublish(publication)));
      return;
    }
    this.#assertMayPublish();
    if (this.screenShareEnabled) return;
    const opened = await devices('getDisplayMedia').getDisplayMedia({
      video: true,
      audio: true,
      ...options,
    });
    const tracks = opened.getTracks();
    if (this.#closed || this.screenShareEnabled) {
      for (const track of tracks) track.stop();
      return;
    }
    await this.#publish(
      tracks.map((track) => {
        // Text is to be sharp rather than smooth.
        if (track.kind === 'video') track.contentHint ||= 'detail';
        return { track, source: track.kind === 'video' ? 'screen' : 'screen-audio', owned: true };
      }),
    );
  }

  /**
   * Changes to another device without a new negotiation; the old one is closed. Rejects with getUserMedia's
   * DOMException.
   */
  async switchDevice(source: DeviceSource, deviceId: string): Promise<void> {
    this.#assertMayPublish();
    const publication = this.#find(source);
    let track: MediaStreamTrack;
    try {
      track = await this.#open(source, deviceId);
    } catch (error) {
      // Some phones open one camera at a time: close the old one first, then try once more.
      if (!publication || !(error instanceof DOMException) || error.name !== 'NotReadableError') {
        throw error;
      }
      publication.track.stop();
      track = await this.#open(source, deviceId);
    }
    if (!publication) {
      await this.#publish([{ track, source, owned: true }]);
      return;
    }
    this.#replaceTrack(publication, track);
    await this.#changed();
  }

  /** For room.ts: what a new session must say about the devices. */
  attributes(): Record<string, string> {
    const attributes: Record<string, string> = {};
    for (const source of ['microphone', 'camera'] as const) {
      const publication = this.#find(source);
      if (!publication) continue;
      attributes[ATTRIBUTES[source]] = isMuted(publication) ? 'off' : 'on';
    }
    return attributes;
  }

  /** For room.ts: publishes before the join, so that the first offer carries the tracks. */
  preload(media: MediaStream | MediaStreamTrack): void {
    for (const track of 'getTracks' in media ? media.getTracks() : [media]) {
      this.#add({ track });
    }
    for (const [name, value] of Object.entries(this.attributes())) this.#announced.set(name, value);
  }

  /** For room.ts: the grant to publish is missing or was taken away. */
  async revoke(): Promise<void> {
    for (const publication of this.publications) this.#take(publication);
    await this.#changed();
  }

  /** For room.ts. */
  close(): void {
    this.#closed = true;
    for (const publication of this.#publications.splice(0)) {
      if (publication.owned) publication.track.stop();
    }
  }

  #enabled(source: DeviceSource): boolean {
    return this.attributes()[ATTRIBUTES[source]] === 'on';
  }

  #find(source: TrackSource): LocalPublication | undefined {
    return this.#publications.find((publication) => publication.source === source);
  }

  async #setEnabled(source: DeviceSource, enabled: boolean): Promise<void> {
    this.#assertMayPublish();
    const publication = this.#find(source);
    if (!publication || (enabled && publication.track.readyState === 'ended')) {
      if (!enabled) return;
      const track = await this.#open(source);
      // Two calls may have opened it at the same time.
      const now = this.#find(source);
      if (!now) {
        await this.#publish([{ track, source, owned: true }]);
        return;
      }
      this.#replaceTrack(now, track);
    } else {
      publication.track.enabled = enabled;
    }
    await this.#changed();
  }

  async #open(source: DeviceSource, deviceId?: string): Promise<MediaStreamTrack> {
    const opened = await devices('getUserMedia').getUserMedia(constraintsFor(source, deviceId));
    const track = opened.getTracks()[0];
    if (!track) throw new SternaClientError('UNSUPPORTED');
    if (this.#closed) {
      track.stop();
      throw new SternaClientError('CLOSED');
    }
    return track;
  }

  #replaceTrack(publication: LocalPublication, track: MediaStreamTrack): void {
    const old = publication.track;
    track.enabled = old.enabled || old.readyState === 'ended';
    this.stream.removeTrack(old);
    old.stop();
    publication.track = track;
    publication.owned = true;
    this.stream.addTrack(track);
    this.#watch(publication);
  }

  /** What the server refuses is taken back. */
  async #publish(candidates: readonly Candidate[]): Promise<LocalPublication[]> {
    const before = this.publications;
    const added = candidates.map((candidate) => this.#add(candidate));
    try {
      await this.#changed();
    } catch (error) {
      for (const publication of added) if (!before.includes(publication)) this.#take(publication);
      this.#changed().catch(() => undefined);
      throw error;
    }
    return added;
  }

  #add({ track, source, name, owned = false }: Candidate): LocalPublication {
    const existing = this.#publications.find((publication) => publication.track === track);
    if (existing) return existing;
    const device: DeviceSource = track.kind === 'audio' ? 'microphone' : 'camera';
    const isScreen = source !== undefined && SCREEN.has(source);
    const publication: LocalPublication = {
      kind: track.kind === 'audio' ? 'audio' : 'video',
      source: source ?? (this.#find(device) ? 'other' : device),
      name,
      track,
      stream: isScreen ? this.#screen : this.stream,
      owned,
    };
    this.#publications.push(publication);
    publication.stream.addTrack(track);
    this.#watch(publication);
    return publication;
  }

  #take(publication: LocalPublication): void {
    const at = this.#publications.indexOf(publication);
    if (at >= 0) this.#publications.splice(at, 1);
    publication.stream.removeTrack(publication.track);
    if (publication.owned) publication.track.stop();
  }

  /** A device that is unplugged ends its track, which others should see; a screen is not shared any more. */
  #watch(publication: LocalPublication): void {
    const { track, source } = publication;
    const onEnded = (): void => {
      if (this.#closed || publication.track !== track) return;
      const told = SCREEN.has(source) ? this.unpublish(publication) : this.#changed();
      told.then(() => this.#sink.onEnded()).catch(() => undefined);
    };
    track.addEventListener('ended', onEnded, { once: true });
  }

  async #changed(): Promise<void> {
    if (this.#closed) return;
    const now = this.attributes();
    const patch: Record<string, string | null> = {};
    for (const name of Object.values(ATTRIBUTES)) {
      const value = now[name];
      if (value === this.#announced.get(name)) continue;
      patch[name] = value ?? null;
      if (value === undefined) this.#announced.delete(name);
      else this.#announced.set(name, value);
    }
    const told = Object.keys(patch).length > 0 ? this.#sink.onAttributes(patch) : Promise.resolve();
    // While the socket is away the answer may take long; the senders must not wait for it.
    told.catch(() => undefined);
    await this.#sink.onPublications();
  }

  #assertMayPublish(): void {
    if (this.#closed) throw new SternaClientError('CLOSED');
    if (!this.#sink.canPublish()) throw new SternaClientError('NOT_ALLOWED');
  }
}
