// All rooms of this server, by name: made by the first join or the API, gone when ended or long empty.
// Called by: the server entry's API, joining, the sweep. Bounded by `maxRooms`.

import type { Clock } from '../shared/clock.ts';
import { SternaError } from '../shared/errors.ts';
import type { Logger } from '../shared/log.ts';
import type { SignalingLimits } from './limits.ts';
import { shortageRefusal } from './media/shortage.ts';
import type { Switchboard } from './media/switchboard.ts';
import { LIMITS } from './protocol.ts';
import type { RoomMode } from './protocol.ts';
import { refusal } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import { Room } from './room.ts';
import type { Member, RoomSettings } from './room.ts';
import type { RoomObserver } from './room-events.ts';
import { roomName } from './claims.ts';

export interface CreateRoomOptions {
  name: string;
  /** Default: `limits.maxParticipantsPerRoom`. */
  maxParticipants?: number;
  /** How long it lives with nobody in it, milliseconds. Default: `limits.emptyRoomMs`. */
  emptyTimeoutMs?: number;
  meta?: string;
  /** Default: that of all rooms. */
  mode?: RoomMode;
}

export class Rooms<M extends Member = Member> {
  readonly #rooms = new Map<string, Room<M>>();
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #limits: SignalingLimits;
  readonly #switchboard: Switchboard | null;
  /** Told of each room that is over. */
  onEnd: ((name: string) => void) | null = null;
  readonly #observer: RoomObserver | null;
  /** Of rooms that are given no other. */
  readonly mode: RoomMode;

  /** @param mode of rooms that are given no other; without a switchboard all are of mode `p2p` */
  constructor(
    clock: Clock,
    log: Logger,
    limits: SignalingLimits,
    switchboard: Switchboard | null = null,
    observer: RoomObserver | null = null,
    mode: RoomMode = 'sfu',
  ) {
    this.mode = switchboard === null ? 'p2p' : mode;
    this.#clock = clock;
    this.#log = log;
    this.#limits = limits;
    this.#switchboard = switchboard;
    this.#observer = observer;
  }

  get size(): number {
    return this.#rooms.size;
  }

  /** In all rooms. */
  get participants(): number {
    let count = 0;
    for (const room of this.#rooms.values()) count += room.size;
    return count;
  }

  /**
   * The room of that name, made if there is none (an existing one keeps its settings).
   * Throws SternaError `BAD_MESSAGE` for an option out of bounds, `ROOM_FULL` at `maxRooms`.
   */
  create(options: CreateRoomOptions): Room<M> {
    const existing = this.#rooms.get(options.name);
    if (existing !== undefined) return existing;
    const wrong = this.#check(options);
    if (wrong !== null) throw new SternaError('BAD_MESSAGE', wrong);
    const room = this.#open(options);
    if (room === null) throw new SternaError('ROOM_FULL', 'The server has its maximum of rooms');
    return room;
  }

  /** Null: done. Says which setting is out of bounds, and then nothing has changed. */
  update(room: Room<M>, settings: RoomSettings): Refusal | null {
    const wrong = this.#check({ name: room.name, ...settings }) ?? checkChange(room, settings);
    if (wrong !== null) return refusal('BAD_MESSAGE', wrong);
    room.update(settings);
    return null;
  }

  /** For a join: the room of that (checked) name, made if there is none; null at `maxRooms`. */
  join(name: string): Room<M> | null {
    return this.#rooms.get(name) ?? this.#open({ name });
  }

  /** Why media of a participant that comes now cannot be taken, in the room of that name or the one that would be made. */
  refuseMedia(name: string, identity: string): Refusal | null {
    const room = this.#rooms.get(name);
    if (!this.forwards(name)) return null;
    const shortage = room === undefined ? this.#switchboard?.shortage : room.shortageFor(identity);
    return shortageRefusal(shortage ?? null);
  }

  /** Whether the server has media of the room of that name, or of the one that would be made. */
  forwards(name: string): boolean {
    return (this.#rooms.get(name)?.mode ?? this.mode) !== 'p2p';
  }

  get(name: string): Room<M> | undefined {
    return this.#rooms.get(name);
  }

  list(): Room<M>[] {
    return [...this.#rooms.values()];
  }

  /** Sends everybody in it `bye` ROOM_ENDED; false when there is no such room. */
  end(name: string, why: Refusal = refusal('ROOM_ENDED', 'The room has ended')): boolean {
    const room = this.#rooms.get(name);
    if (room === undefined) return false;
    this.#rooms.delete(name);
    room.close(why);
    this.#observer?.onRoomEvent({ event: 'room_finished', room: room.info(), reason: why.reason });
    this.#log.info('room.ended', { room: name, reason: why.reason });
    this.onEnd?.(name);
    return true;
  }

  /** Ends rooms that have been empty for their time-out; in others media may take its way. */
  sweep(now: number): void {
    for (const room of this.#rooms.values()) {
      if (room.isStale(now)) this.end(room.name, refusal('ROOM_ENDED', 'Nobody was in the room'));
      else room.route.settle(now);
    }
  }

  #open(options: CreateRoomOptions): Room<M> | null {
    if (this.#rooms.size >= this.#limits.maxRooms) return null;
    const room = new Room<M>(
      {
        name: options.name,
        maxParticipants: options.maxParticipants ?? this.#limits.maxParticipantsPerRoom,
        emptyTimeoutMs: options.emptyTimeoutMs ?? this.#limits.emptyRoomMs,
        meta: options.meta ?? '',
        mode: options.mode ?? this.mode,
      },
      this.#clock,
      this.#limits,
      this.#switchboard,
      this.#observer,
    );
    this.#rooms.set(room.name, room);
    this.#observer?.onRoomEvent({ event: 'room_started', room: room.info() });
    this.#log.info('room.created', { room: room.name, sid: room.sid });
    return room;
  }

  #check({ name, maxParticipants, emptyTimeoutMs, meta, mode }: CreateRoomOptions): string | null {
    if (!roomName.safeParse(name).success) {
      return 'name: expected 1 to 128 characters, none of them a control character';
    }
    const most = this.#limits.maxSessions;
    if (maxParticipants !== undefined && !isIntegerWithin(maxParticipants, 1, most)) {
      return `maxParticipants: expected an integer from 1 to ${most}`;
    }
    if (emptyTimeoutMs !== undefined && !isIntegerWithin(emptyTimeoutMs, 0, 86_400_000)) {
      return 'emptyTimeoutMs: expected an integer from 0 to 86400000';
    }
    if (meta !== undefined && Buffer.byteLength(meta) > LIMITS.metaBytes) {
      return `meta: expected at most ${LIMITS.metaBytes} bytes of UTF-8`;
    }
    if (mode !== undefined && mode !== 'p2p' && this.#switchboard === null) {
      return 'mode: expected p2p, since this server forwards no media (sfu.enabled)';
    }
    return null;
  }
}

/** Who is in it has either media with the server or none. */
function checkChange(room: Pick<Room, 'mode'>, { mode }: RoomSettings): string | null {
  if (mode === undefined || (mode === 'p2p') === (room.mode === 'p2p')) return null;
  return `mode: a room of mode ${room.mode} cannot become one of mode ${mode}`;
}

function isIntegerWithin(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}
