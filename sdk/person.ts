// What the server says about a participant, kept up to date: who it is, wherever the SDK runs. What arrives from it is
// participant.ts's in browsers, and the Node client's own there.

import type { ParticipantInfo, Permissions } from '../signaling/protocol.ts';

export class Person {
  protected info: ParticipantInfo;

  constructor(info: ParticipantInfo) {
    this.info = info;
  }

  /** Unique in the room and in time: a participant who comes back has another. */
  get sid(): string {
    return this.info.sid;
  }
  /** The token's `sub`: the same person has the same. */
  get identity(): string {
    return this.info.identity;
  }
  get name(): string {
    return this.info.name;
  }
  /** `away`: the signaling socket is lost and may still resume; media may well go on. */
  get state(): 'active' | 'away' {
    return this.info.state;
  }
  /** Milliseconds of the server's clock. */
  get joinedAt(): number {
    return this.info.joinedAt;
  }
  get metadata(): string {
    return this.info.meta;
  }
  get attributes(): Readonly<Record<string, string>> {
    return this.info.attrs;
  }
  get permissions(): Readonly<Permissions> {
    return this.info.perm;
  }

  /** For the room. False when `info` is not newer than what is known. */
  update(info: ParticipantInfo): boolean {
    if (info.v <= this.info.v) return false;
    this.info = info;
    return true;
  }
}
