// What goes wrong for users, made to go wrong on purpose for one participant: its WebSocket, its session, its network,
// who speaks. Each ends by itself. Called by: conversation.ts, for who has the grant; room-commands.ts, for servers.

import { randomInt } from 'node:crypto';
import type { ImpairOrder } from '../sfu/control.ts';
import type { RoomMedia } from './media/room-media.ts';
import type { SimulateMessage, Simulation } from './protocol.ts';
import { refusal } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import type { Member, Room } from './room.ts';
import type { Service } from './service.ts';
import type { Session } from './session.ts';

const SEEDS = 2 ** 31;

/** How long each lasts unless another time is given, milliseconds; 0: it happens at once. */
const LASTS_MS: Readonly<Record<Simulation['op'], number>> = {
  'signal-drop': 0,
  'node-drain': 0,
  'full-reconnect': 0,
  'ice-fail': 30_000,
  'ice-tcp': 30_000,
  'turn-only': 30_000,
  network: 30_000,
  speaker: 5000,
  lift: 0,
};

const PASSES = { 'ice-fail': 'nothing', 'ice-tcp': 'tcp', 'turn-only': 'relay' } as const;

export interface SimulationPlan {
  readonly op: Simulation['op'];
  /** How long it lasts at most; 0: it has happened. */
  readonly ms: number;
  /** What was planned, in the same tick. It may close the WebSocket, so whoever asked over it is answered before. */
  run(): void;
}

/** The same for oneself, with the grant. */
export function simulateSelf(
  service: Service,
  session: Session,
  message: SimulateMessage,
  now: number,
): SimulationPlan | Refusal {
  if (!session.maySimulate) {
    return refusal('NOT_ALLOWED', 'The token does not grant simulate');
  }
  const waitMs = session.chargeSimulation(now);
  if (waitMs > 0) return refusal('RATE_LIMITED', 'simulate: simulations come too fast', waitMs);
  return planSimulation(service, session.room, session, message, session.participant.sid);
}

/** All that can be wrong; nothing changes. */
export function planSimulation(
  service: Service,
  room: Room,
  target: Member,
  simulation: Simulation,
  by: string,
): SimulationPlan | Refusal {
  const { op } = simulation;
  const ms = simulation.ms ?? LASTS_MS[op];
  const act = misfit(simulation) ?? actOf(room, target, simulation, ms);
  if (typeof act !== 'function') return act;
  const run = (): void => {
    service.counters.simulated(op);
    const { sid } = target.participant;
    service.log.info('participant.simulated', { op, ms, sid, by, room: room.name });
    act();
  };
  return { op, ms, run };
}

/** Fields that go with another `op`. */
function misfit({ op, ms, up, down, seed }: Simulation): Refusal | null {
  const isNetwork = op === 'network';
  if (ms !== undefined && LASTS_MS[op] === 0) return notWith('ms', op);
  if (up !== undefined && !isNetwork) return notWith('up', op);
  if (down !== undefined && !isNetwork) return notWith('down', op);
  if (seed !== undefined && !isNetwork) return notWith('seed', op);
  return null;
}

function notWith(field: string, op: string): Refusal {
  return refusal('BAD_MESSAGE', `${field}: not with op ${op}`);
}

function actOf(
  room: Room,
  target: Member,
  { op, up = null, down = null, seed = randomInt(SEEDS) }: Simulation,
  ms: number,
): (() => void) | Refusal {
  switch (op) {
    case 'signal-drop':
      return onSocket(target, (socket) => socket.terminate());
    case 'node-drain':
      return onSocket(target, (socket) =>
        socket.bye(refusal('ROUTE_LOST', 'Simulated: this node is shutting down')),
      );
    case 'full-reconnect':
      return () => {
        target.dismiss(refusal('SESSION_GONE', 'Simulated: the session is over'));
        room.feed.schedule();
      };
    case 'ice-fail':
    case 'ice-tcp':
    case 'turn-only':
      return onMedia(room, target, { passes: PASSES[op], seed, ms });
    case 'network':
      return onMedia(room, target, { up, down, seed, ms });
    case 'speaker':
      return asSpeaker(room, target, ms);
    case 'lift':
      break;
  }
  return () => {
    const { sid } = target.participant;
    room.media?.pretendSpeaker(sid, 0);
    room.media?.impair(sid, { up: null, down: null, passes: null, seed, ms });
  };
}

function onSocket(
  { socket }: Member,
  act: (socket: NonNullable<Member['socket']>) => void,
): (() => void) | Refusal {
  if (socket?.open === true) return () => act(socket);
  return refusal('NOT_FOUND', 'op: the participant has no WebSocket at the moment');
}

function onMedia(room: Room, { participant }: Member, order: ImpairOrder): (() => void) | Refusal {
  const media = mediaOf(room);
  if ('reason' in media) return media;
  if ((media.of(participant.sid)?.transport ?? null) === null) {
    return refusal('NOT_FOUND', 'op: the participant has no media connection at the moment');
  }
  return () => media.impair(participant.sid, order);
}

function asSpeaker(room: Room, { participant }: Member, ms: number): (() => void) | Refusal {
  const media = mediaOf(room);
  if ('reason' in media) return media;
  // The others would read of somebody whom they may not know of.
  if (participant.perm.hidden) return refusal('NOT_ALLOWED', 'op: a hidden participant is silent');
  return () => media.pretendSpeaker(participant.sid, ms);
}

function mediaOf({ media }: Room): RoomMedia | Refusal {
  return media ?? refusal('BAD_MESSAGE', 'op: media of a room of mode p2p does not pass here');
}
