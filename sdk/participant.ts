// A participant as the application sees it: what the server says about it, and the tracks that arrive from
// it. Live objects: room.ts keeps them up to date, events tell when.

import type { ParticipantInfo, Permissions } from '../signaling/protocol.ts';

/** Reserved attributes: `on` or `off` while a device is published, absent otherwise. */
export const MICROPHONE_ATTRIBUTE = 'sterna.mic';
export const CAMERA_ATTRIBUTE = 'sterna.cam';

/** `none`: nothing is published. */
export type DeviceState = 'on' | 'off' | 'none';

function deviceState(value: string | undefined): DeviceState {
  return value === 'on' || value === 'off' ? value : 'none';
}

export class Participant {
  /** Everything that arrives from this participant (for `self`: what it sends); fit for `video.srcObject`. */
  readonly stream: MediaStream;
  #info: ParticipantInfo;
  #linkState: RTCPeerConnectionState | 'none' = 'none';

  constructor(info: ParticipantInfo, stream: MediaStream) {
    this.#info = info;
    this.stream = stream;
  }

  /** Unique in the room and in time: a participant who comes back has another. */
  get sid(): string {
    return this.#info.sid;
  }
  /** The token's `sub`: the same person has the same. */
  get identity(): string {
    return this.#info.identity;
  }
  get name(): string {
    return this.#info.name;
  }
  /** `away`: the signaling socket is lost and may still resume; media may well go on. */
  get state(): 'active' | 'away' {
    return this.#info.state;
  }
  /** Milliseconds of the server's clock. */
  get joinedAt(): number {
    return this.#info.joinedAt;
  }
  get metadata(): string {
    return this.#info.meta;
  }
  get attributes(): Readonly<Record<string, string>> {
    return this.#info.attrs;
  }
  get permissions(): Readonly<Permissions> {
    return this.#info.perm;
  }
  get microphone(): DeviceState {
    return deviceState(this.#info.attrs[MICROPHONE_ATTRIBUTE]);
  }
  get camera(): DeviceState {
    return deviceState(this.#info.attrs[CAMERA_ATTRIBUTE]);
  }
  /** Of the connection to this participant; `none` when grants leave nothing to exchange, and for `self`. */
  get linkState(): RTCPeerConnectionState | 'none' {
    return this.#linkState;
  }
  get tracks(): MediaStreamTrack[] {
    return this.stream.getTracks();
  }

  /** For room.ts. False when `info` is not newer than what is known. */
  update(info: ParticipantInfo): boolean {
    if (info.v <= this.#info.v) return false;
    this.#info = info;
    return true;
  }

  /** For room.ts. */
  setLinkState(state: RTCPeerConnectionState | 'none'): void {
    this.#linkState = state;
  }
}
