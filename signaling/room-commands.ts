// What servers of others ask of a room over HTTP: who is in it, put out, mute, permissions, data, settings, its end.
// Plain values both ways, so that a node which has the room can be asked by one which has not. Called by: the server
// entry's room API. Takes effect on media at once.

import { LIMITS } from './protocol.ts';
import type { ParticipantInfo, RoomInfo, Simulation } from './protocol.ts';
import { encodePush } from './handlers.ts';
import { moderateFromOutside } from './moderation.ts';
import type { Moderation } from './moderation.ts';
import { planSimulation } from './simulate.ts';
import { refusal, snippet } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import type { Member, Room, RoomSettings } from './room.ts';
import type { Service } from './service.ts';

/** Participants in one answer. */
export const PARTICIPANTS_LISTED_MAX = 200;

export type RoomCommand = { readonly room: string } & (
  | { readonly op: 'describe' }
  | { readonly op: 'update'; readonly settings: RoomSettings }
  | { readonly op: 'end' }
  | { readonly op: 'participants'; readonly after?: string | undefined; readonly limit: number }
  /** By sid or identity, as below. */
  | { readonly op: 'participant'; readonly participant: string }
  | {
      readonly op: 'moderate';
      readonly participant: string;
      readonly what: Moderation;
    }
  | {
      readonly op: 'simulate';
      readonly participant: string;
      readonly what: Simulation;
    }
  | {
      readonly op: 'send';
      /** Base64. */
      readonly payload: string;
      readonly topic?: string | undefined;
      /** Everybody when left out; by sid or identity. */
      readonly to?: readonly string[] | undefined;
    }
);

export interface RoomDescription extends RoomInfo {
  readonly emptyTimeoutSeconds: number;
  /** How many are in it. */
  readonly participants: number;
}

export interface ParticipantPage {
  /** How many are in the room. */
  readonly total: number;
  readonly participants: readonly ParticipantInfo[];
  /** What to go on with; null on the last page. */
  readonly next: string | null;
}

/** What each command is answered with, where it is not refused. */
export interface RoomAnswers {
  readonly describe: RoomDescription;
  readonly update: RoomDescription;
  readonly end: null;
  readonly participants: ParticipantPage;
  readonly participant: ParticipantInfo;
  readonly moderate: ParticipantInfo | null;
  /** How long it lasts at most, milliseconds; 0: it has happened. */
  readonly simulate: { readonly op: Simulation['op']; readonly ms: number };
  /** How many it was sent to. */
  readonly send: { readonly recipients: number };
}

export type RoomAnswer = RoomAnswers[keyof RoomAnswers] | Refusal;

/** Does it, whole, or says why not. */
export function executeRoomCommand(service: Service, command: RoomCommand): RoomAnswer {
  const room = service.rooms.get(command.room);
  if (room === undefined) return refusal('NOT_FOUND', 'There is no such room');
  if (command.op === 'participants') return page(room, command.after, command.limit);
  if (command.op === 'send') return send(room, command);
  if (command.op === 'participant' || command.op === 'moderate' || command.op === 'simulate') {
    return ofParticipant(service, room, command);
  }
  if (command.op === 'end') {
    service.rooms.end(room.name);
    return null;
  }
  const wrong = command.op === 'update' ? service.rooms.update(room, command.settings) : null;
  return wrong ?? describe(room);
}

export function describe(room: Room): RoomDescription {
  return {
    ...room.info(),
    emptyTimeoutSeconds: Math.floor(room.emptyTimeoutMs / 1000),
    participants: room.size,
  };
}

/** Hidden ones included: whoever administers a room may know who looks on. */
function page(room: Room, after: string | undefined, limit: number): ParticipantPage {
  const members = [...room.members()];
  // Sids are random: the order is that of joining, and where somebody has left it goes on behind nobody.
  const start = after === undefined ? 0 : startAfter(members, after);
  const some = members.slice(start, start + Math.min(limit, PARTICIPANTS_LISTED_MAX));
  const last = some.at(-1);
  const isLast = start + some.length >= members.length;
  return {
    total: room.size,
    participants: some.map(({ participant }) => participant.info()),
    next: isLast || last === undefined ? null : cursorOf(last),
  };
}

/** Of the time of joining, so that it still says where to go on when that participant has left. */
function cursorOf({ participant }: Member): string {
  return `${participant.joinedAt}.${participant.sid}`;
}

function startAfter(members: readonly Member[], cursor: string): number {
  const [time = '', sid = ''] = cursor.split('.', 2);
  const at = members.findIndex(({ participant }) => participant.sid === sid);
  if (at >= 0) return at + 1;
  const later = members.findIndex(({ participant }) => participant.joinedAt > Number(time));
  return later < 0 ? members.length : later;
}

function ofParticipant(
  service: Service,
  room: Room,
  command: Extract<RoomCommand, { op: 'participant' | 'moderate' | 'simulate' }>,
): RoomAnswer {
  const member = memberOf(room, command.participant);
  if (member === undefined) {
    return refusal('NOT_FOUND', 'There is no such participant in the room');
  }
  if (command.op === 'participant') return member.participant.info();
  if (command.op === 'simulate') {
    const plan = planSimulation(service, room, member, command.what, 'api');
    if ('reason' in plan) return plan;
    plan.run();
    return { op: plan.op, ms: plan.ms };
  }
  const wrong = moderateFromOutside(service, room, member, command.what);
  if (wrong !== null) return wrong;
  return command.what.op === 'kick' ? null : member.participant.info();
}

function memberOf(room: Room, name: string): Member | undefined {
  return room.withSid(name) ?? room.withIdentity(name);
}

function send(room: Room, command: Extract<RoomCommand, { op: 'send' }>): RoomAnswer {
  const { payload, topic, to } = command;
  if (Buffer.byteLength(payload, 'base64') > LIMITS.dataBytes) {
    return refusal('TOO_LARGE', `payload: expected at most ${LIMITS.dataBytes} bytes`);
  }
  const unknown = to?.find((name) => memberOf(room, name) === undefined);
  if (unknown !== undefined) {
    return refusal('NOT_FOUND', `to: not in this room: ${snippet(unknown)}`);
  }
  const recipients = new Set(to?.map((name) => memberOf(room, name)!) ?? room.members());
  const direct = to !== undefined;
  const body = encodePush({ type: 'data', from: '', direct, topic, payload });
  for (const member of recipients) member.push(body);
  return { recipients: recipients.size };
}
