// Joins that nobody makes, before the first real ones: whoever comes first would wait for the compiler and for what is
// made on first use, ten times as long as the hundredth. They go through all that a join goes through, in a service of
// their own: nothing of them is in a room, a counter, a log or a media worker. Called by: the signaling server.

import { randomBytes } from 'node:crypto';
import { silentLogger } from '../shared/log.ts';
import { Conversation } from './conversation.ts';
import type { MediaPlace, MediaPlane } from './media-plane.ts';
import { Switchboard } from './media/switchboard.ts';
import { REHEARSAL_OFFER } from './rehearsal-offer.ts';
import { JoinRates } from './join-rates.ts';
import { Rooms } from './rooms.ts';
import { Counters } from './service.ts';
import type { Service } from './service.ts';
import { Sessions } from './sessions.ts';
import { SignalSocket } from './signal-socket.ts';
import type { Wire } from './signal-socket.ts';
import { mintToken, TokenVerifier } from './tokens.ts';

/** Rooms have others in them. */
const ROOM_OF = 4;

const PLACE: MediaPlace = {
  worker: 0,
  shortage: null,
  candidates: [],
  fingerprint: `sha-256 ${Array.from({ length: 32 }, () => '00').join(':')}`,
  send: () => undefined,
};

const PLANE: MediaPlane = { shortage: null, place: () => PLACE, onEvent: () => undefined };

export class Rehearsal {
  readonly #service: Service;
  readonly #secret = randomBytes(32).toString('hex');
  readonly #onRefused: (frame: string) => void;
  #room: Conversation[] = [];
  #joins = 0;

  /** `onRefused` gets what a join is answered that fails. */
  constructor(real: Service, onRefused: (frame: string) => void) {
    const { clock, limits } = real;
    const switchboard = real.switchboard === null ? null : new Switchboard(PLANE, silentLogger);
    this.#onRefused = onRefused;
    this.#service = {
      ...real,
      log: silentLogger,
      switchboard,
      rooms: new Rooms(clock, silentLogger, limits, switchboard),
      sessions: new Sessions(clock, silentLogger, limits),
      joinRates: new JoinRates(clock, limits.joins),
      tokens: new TokenVerifier({ rehearsal: this.#secret }, { clock }),
      counters: new Counters(),
      router: null,
    };
  }

  /** One more participant joins; the last of a room takes all of them along. */
  join(): void {
    const n = this.#joins++;
    const token = mintToken({
      key: 'rehearsal',
      secret: this.#secret,
      identity: `participant-${n}`,
      grants: { room: `room-${Math.floor(n / ROOM_OF)}`, roomJoin: true },
      ttlSeconds: 60,
    });
    const { switchboard, limits } = this.#service;
    const media = switchboard === null ? {} : REHEARSAL_OFFER;
    const socket = new SignalSocket(wireTo(this.#onRefused), limits.bufferedBytesMax);
    const conversation = new Conversation(this.#service, socket, 'localhost', () => undefined);
    this.#room.push(conversation);
    say(conversation, { type: 'join', i: 1, token, ...media });
    if (this.#room.length === ROOM_OF) this.end();
  }

  /** Nothing stays, and no timer runs on. */
  end(): void {
    for (const conversation of this.#room.splice(0)) {
      say(conversation, { type: 'leave' });
      conversation.closed();
    }
    for (const { name } of this.#service.rooms.list()) this.#service.rooms.end(name);
  }
}

function say(conversation: Conversation, message: object): void {
  conversation.receive(Buffer.from(JSON.stringify(message)), false);
}

/** Nobody is at the other end. */
function wireTo(onRefused: (frame: string) => void): Wire {
  return {
    OPEN: 1,
    readyState: 1,
    bufferedAmount: 0,
    send: (frame) => {
      if (typeof frame === 'string' && frame.startsWith('{"type":"error"')) onRefused(frame);
    },
    close: () => undefined,
    terminate: () => undefined,
  };
}
