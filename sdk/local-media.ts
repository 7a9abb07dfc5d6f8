// The local side: which tracks are published, device switching, and the mute state that others see. Owned
// by room.ts; opens devices through getUserMedia and closes those that it opened.

import { SternaClientError } from './errors.ts';
import type { LocalPublication, PublicationSource } from './local-publication.ts';
import { CAMERA_ATTRIBUTE, MICROPHONE_ATTRIBUTE } from './participant.ts';

export interface PublishOptions {
  /** By default the first audio track is the microphone and the first video track the camera. */
  source?: PublicationSource;
}

export interface LocalMediaSink {
  canPublish(): boolean;
  /** The publications have changed: senders follow. */
  onPublications(): Promise<void>;
  /** The mute state has changed: others are told. */
  onAttributes(patch: Record<string, string | null>): Promise<void>;
}

type DeviceSource = 'microphone' | 'camera';

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

export class LocalMedia {
  /** What is published, for the self view. */
  readonly stream: MediaStream;
  readonly #sink: LocalMediaSink;
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
    const added = tracks.map((track) => this.#add(track, options.source, false));
    await this.#changed();
    return added;
  }

  /** Stops sending; a device that the SDK opened is closed. */
  async unpublish(target: LocalPublication | MediaStreamTrack): Promise<void> {
    const at = this.#publications.findIndex((p) => p === target || p.track === target);
    const publication = this.#publications[at];
    if (!publication) return;
    this.#publications.splice(at, 1);
    this.stream.removeTrack(publication.track);
    if (publication.owned) publication.track.stop();
    await this.#changed();
  }

  /**
   * Mutes or unmutes; opens the default microphone when there is none. Rejects with getUserMedia's
   * DOMException.
   */
  async setMicrophoneEnabled(enabled: boolean): Promise<void> {
    await this.#setEnabled('microphone', enabled);
  }

  /**
   * Switches the picture off or on; opens the default camera when there is none. Rejects like the
   * microphone.
   */
  async setCameraEnabled(enabled: boolean): Promise<void> {
    await this.#setEnabled('camera', enabled);
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
    if (publication) this.#replaceTrack(publication, track);
    else this.#add(track, source, true);
    await this.#changed();
  }

  /** For room.ts: what a new session must say about the devices. */
  attributes(): Record<string, string> {
    const attributes: Record<string, string> = {};
    for (const source of ['microphone', 'camera'] as const) {
      const publication = this.#find(source);
      if (!publication) continue;
      const live = publication.track.enabled && publication.track.readyState === 'live';
      attributes[ATTRIBUTES[source]] = live ? 'on' : 'off';
    }
    return attributes;
  }

  /** For room.ts: publishes before the join, so that the first offer carries the tracks. */
  preload(media: MediaStream | MediaStreamTrack): void {
    for (const track of 'getTracks' in media ? media.getTracks() : [media]) {
      this.#add(track, undefined, false);
    }
    for (const [name, value] of Object.entries(this.attributes())) this.#announced.set(name, value);
  }

  /** For room.ts: the grant to publish is missing or was taken away. */
  async revoke(): Promise<void> {
    for (const publication of this.#publications.splice(0)) {
      this.stream.removeTrack(publication.track);
      if (publication.owned) publication.track.stop();
    }
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

  #find(source: DeviceSource): LocalPublication | undefined {
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
      if (now) this.#replaceTrack(now, track);
      else this.#add(track, source, true);
    } else {
      publication.track.enabled = enabled;
    }
    await this.#changed();
  }

  async #open(source: DeviceSource, deviceId?: string): Promise<MediaStreamTrack> {
    const opened = await navigator.mediaDevices.getUserMedia(constraintsFor(source, deviceId));
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

  #add(
    track: MediaStreamTrack,
    source: PublicationSource | undefined,
    owned: boolean,
  ): LocalPublication {
    const existing = this.#publications.find((publication) => publication.track === track);
    if (existing) return existing;
    const device: DeviceSource = track.kind === 'audio' ? 'microphone' : 'camera';
    const publication: LocalPublication = {
      kind: track.kind === 'audio' ? 'audio' : 'video',
      source: source ?? (this.#find(device) ? 'other' : device),
      track,
      stream: this.stream,
      owned,
    };
    this.#publications.push(publication);
    this.stream.addTrack(track);
    this.#watch(publication);
    return publication;
  }

  /** A device that is unplugged ends its track, which others should see. */
  #watch(publication: LocalPublication): void {
    publication.track.addEventListener(
      'ended',
      () => {
        if (!this.#closed) this.#changed().catch(() => undefined);
      },
      { once: true },
    );
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
