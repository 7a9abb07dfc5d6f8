// Questions to other nodes, with an answer or a time limit: what the API of any node does to a room that another has.
// Called by: room-directory.ts (call), cluster.ts (messages). Bounded in number and time.

import { z } from 'zod';
import type { Clock } from '../../shared/clock.ts';
import { SternaError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { parseJson } from '../../shared/parse-json.ts';
import type { Links } from './links.ts';

const TIMEOUT_MS = 3000;
const PENDING_MAX = 1024;

/** What a method answers, or the error of it; both are JSON. */
export interface Outcome {
  readonly ok: boolean;
  readonly value: unknown;
}

export type Method = (room: string, args: unknown) => Promise<Outcome>;

const question = z.object({ room: z.string(), args: z.unknown() });

interface Pending {
  readonly node: string;
  readonly timer: NodeJS.Timeout;
  resolve(outcome: Outcome): void;
  reject(error: SternaError): void;
}

export class Calls {
  readonly #links: Links;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #methods = new Map<string, Method>();
  readonly #pending = new Map<number, Pending>();
  #last = 0;

  constructor(links: Links, clock: Clock, log: Logger) {
    this.#links = links;
    this.#clock = clock;
    this.#log = log;
  }

  /** What others may ask of this node. */
  answer(name: string, method: Method): void {
    this.#methods.set(name, method);
  }

  /** Here. */
  local(name: string, room: string, args: unknown): Promise<Outcome> {
    const method = this.#methods.get(name);
    if (method === undefined) throw new Error(`no method ${name}`);
    return method(room, args);
  }

  /** @throws SternaError NODE_UNAVAILABLE when it does not answer; whether it has done it is not known then */
  call(node: string, method: string, room: string, args: unknown): Promise<Outcome> {
    if (this.#pending.size >= PENDING_MAX) return Promise.reject(unavailable());
    const i = ++this.#last;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#take(i, node)?.reject(unavailable()), TIMEOUT_MS);
      this.#pending.set(i, { node, timer, resolve, reject });
      const now = this.#clock.monotonic();
      this.#links.send(node, { k: 'call', i, method }, JSON.stringify({ room, args }), now);
    });
  }

  onCall(from: string, { i, method: name }: { i: number; method: string }, text: string): void {
    const reply = ({ ok, value }: Outcome): void => {
      const now = this.#clock.monotonic();
      this.#links.send(from, { k: 'return', i, ok }, JSON.stringify(value ?? null), now);
    };
    const method = this.#methods.get(name);
    const asked = question.safeParse(parseJson(text));
    if (method === undefined || !asked.success) return reply({ ok: false, value: null });
    const { room, args } = asked.data;
    return void method(room, args).then(reply, (error: unknown) => {
      this.#log.error('cluster.call.fault', { method: name, err: error });
      reply({ ok: false, value: null });
    });
  }

  onReturn(from: string, { i, ok }: { i: number; ok: boolean }, text: string): void {
    const pending = this.#take(i, from);
    const value = parseJson(text);
    if (value === undefined) pending?.reject(unavailable());
    else pending?.resolve({ ok, value });
  }

  /** The way to that node is lost. */
  end(node: string): void {
    for (const [i, pending] of this.#pending) {
      if (pending.node === node) this.#take(i, node)?.reject(unavailable());
    }
  }

  close(): void {
    for (const [i, { node }] of this.#pending) this.#take(i, node)?.reject(unavailable());
  }

  #take(i: number, node: string): Pending | undefined {
    const pending = this.#pending.get(i);
    if (pending?.node !== node) return undefined;
    this.#pending.delete(i);
    clearTimeout(pending.timer);
    return pending;
  }
}

function unavailable(): SternaError {
  return new SternaError('NODE_UNAVAILABLE', 'The node that has the room does not answer');
}
