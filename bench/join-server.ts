// What a join costs on the server: from `join`, with an offer, to `joined`, with its answer, over a real WebSocket, and
// inside the server alone; beside it the same exchange with a bare `ws` that echoes. Server and clients are two
// processes.
// Called by: join.ts.

import { fork } from 'node:child_process';
import type { WebSocket } from 'ws';
import { mintToken, SIGNAL_PATH } from '../signaling/index.ts';
import { REHEARSAL_OFFER } from '../signaling/rehearsal-offer.ts';
import type { HostReady, HostStats } from './join-host.ts';
import { type Exchange, exchange, paced } from './signal/exchange.ts';
import { message } from './signal/child-message.ts';
import { type Percentiles, percentiles } from './percentiles.ts';

export interface ServerJoinFigure {
  readonly name: string;
  readonly joins: number;
  /** First message on a new WebSocket out, its answer in. */
  readonly join: Percentiles;
  readonly echo: Percentiles;
  /** The join's part inside the server: `join` handed to the handler, `joined` handed to the socket. */
  readonly handler: Percentiles;
  /** TCP connect, upgrade and join together. */
  readonly whole: Percentiles;
}

const ROOM_OF = 4;
const STORM_EVERY_MS = 20;
const WARM_UP = 50;
/** As many as the server keeps durations of, so that its percentiles are of these joins and no others. */
const JOINS = 1024;

/** One after the other, then fifty new ones a second, whatever became of those before. */
export async function runServerJoins(
  hostFile: string,
  small: boolean,
): Promise<ServerJoinFigure[]> {
  const child = fork(hostFile, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  try {
    const ready = await message<HostReady>(child, 'ready');
    const clients = new Clients(ready);
    const joins = small ? 8 : JOINS;
    await sequential(clients, small ? 2 : WARM_UP);
    const figures: ServerJoinFigure[] = [];
    for (const [name, measure] of [
      ['one after the other', sequential],
      ['50 a second', storm],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop -- a bench runs one thing at a time
      const { join, echo, whole } = await measure(clients, joins);
      child.send('stats');
      // oxlint-disable-next-line no-await-in-loop
      const { handler } = await message<HostStats>(child, 'stats');
      const inside = { p50: handler.p50Ms, p99: handler.p99Ms };
      figures.push({ name, joins, join, echo, whole, handler: inside });
    }
    return figures;
  } finally {
    child.disconnect();
    const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
    if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve));
    clearTimeout(timer);
  }
}

/** Joins rooms of four, which are left when they are full. */
class Clients {
  readonly #ready: HostReady;
  readonly #room: WebSocket[] = [];
  #count = 0;

  constructor(ready: HostReady) {
    this.#ready = ready;
  }

  async join(): Promise<Exchange> {
    const n = this.#count++;
    const [key, secret] = this.#ready.key;
    const token = mintToken({
      key,
      secret,
      identity: `participant-${n}`,
      grants: { room: `room-${Math.floor(n / ROOM_OF)}`, roomJoin: true },
      ttlSeconds: 600,
    });
    const url = `${this.#ready.url.replace(/^http/, 'ws')}${SIGNAL_PATH}`;
    const done = await exchange(
      url,
      JSON.stringify({ type: 'join', i: 1, token, ...REHEARSAL_OFFER }),
      '"joined"',
    );
    this.#room.push(done.socket);
    if (this.#room.length === ROOM_OF) {
      for (const socket of this.#room.splice(0)) {
        socket.send('{"type":"leave"}');
        socket.close();
      }
    }
    return done;
  }

  /** A message as long as a join and its answer. */
  async echo(): Promise<Exchange> {
    const done = await exchange(this.#ready.echoUrl, JSON.stringify(REHEARSAL_OFFER), 'offer');
    done.socket.close();
    return done;
  }
}

async function sequential(clients: Clients, count: number): Promise<Measured> {
  const joins: Exchange[] = [];
  const echoes: Exchange[] = [];
  for (let n = 0; n < count; n++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other is what is measured
    echoes.push(await clients.echo());
    // oxlint-disable-next-line no-await-in-loop
    joins.push(await clients.join());
  }
  return measured(joins, echoes);
}

async function storm(clients: Clients, count: number): Promise<Measured> {
  const echoes = await paced(Math.ceil(count / 2), STORM_EVERY_MS, () => clients.echo());
  const joins = await paced(count, STORM_EVERY_MS, () => clients.join());
  return measured(joins, echoes);
}

type Measured = Pick<ServerJoinFigure, 'join' | 'echo' | 'whole'>;

function measured(joins: readonly Exchange[], echoes: readonly Exchange[]): Measured {
  return {
    join: percentiles(joins.map(({ answerMs }) => answerMs)),
    echo: percentiles(echoes.map(({ answerMs }) => answerMs)),
    whole: percentiles(joins.map(({ wholeMs }) => wholeMs)),
  };
}
