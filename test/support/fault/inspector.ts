// Node's inspector protocol, by which a test reaches into a server that was started with INSPECT: into the threads of
// its media workers too, which hear of it at the next tick of their loop.

import { once } from 'node:events';
import { WebSocket } from 'ws';
import { z } from 'zod';
import type { Sterna } from '../e2e/sterna.ts';

/** Flags of Node for a server that an Inspector shall reach. `gc` makes a thread collect its garbage. */
export const INSPECT = ['--inspect=127.0.0.1:0', '--expose-gc'];

const ANSWER_WITHIN_MS = 20_000;

const answer = z.looseObject({
  id: z.int().optional(),
  method: z.string().optional(),
  params: z.looseObject({}).optional(),
  result: z.looseObject({}).optional(),
  error: z.looseObject({ message: z.string() }).optional(),
});
const attached = z.looseObject({ sessionId: z.string() });
const fromWorker = z.looseObject({ sessionId: z.string(), message: z.string() });
const heapUsage = z.looseObject({ usedSize: z.number() });

interface Call {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

export class Inspector {
  readonly #socket: WebSocket;
  readonly #calls = new Map<string, Call>();
  /** Sessions of workers, in the order in which they were found. */
  readonly #sessions: string[] = [];
  #nextId = 1;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (bytes: Buffer) => this.#receive(bytes.toString()));
  }

  /** Resolves once every media worker is reached. */
  static async attach(sterna: Sterna, workers = 1): Promise<Inspector> {
    const url = /ws:\/\/\S+/.exec(sterna.output)?.[0];
    if (url === undefined) throw new Error('the server was not started with INSPECT');
    const socket = new WebSocket(url);
    await once(socket, 'open');
    const inspector = new Inspector(socket);
    await inspector.#call('NodeWorker.enable', { waitForDebuggerOnStart: false });
    if (inspector.#sessions.length !== workers) {
      throw new Error(`${inspector.#sessions.length} workers instead of ${workers}`);
    }
    return inspector;
  }

  /** Asks the thread of a media worker. */
  async askWorker(
    method: string,
    params: Readonly<Record<string, unknown>> = {},
    worker = 0,
  ): Promise<unknown> {
    const sessionId = this.#sessions[worker];
    if (sessionId === undefined) throw new Error(`no worker ${worker}`);
    const id = this.#nextId++;
    const answered = this.#expect(`${sessionId}/${id}`);
    const message = JSON.stringify({ id, method, params });
    await this.#call('NodeWorker.sendMessageToWorker', { sessionId, message });
    return answered;
  }

  /** Bytes that live on the heap of a media worker once its garbage is collected. */
  async heapOfWorker(worker = 0): Promise<number> {
    await this.askWorker('Runtime.evaluate', { expression: 'gc()' }, worker);
    return heapUsage.parse(await this.askWorker('Runtime.getHeapUsage', {}, worker)).usedSize;
  }

  /** The same of the main thread. */
  async heapOfMain(): Promise<number> {
    await this.#call('Runtime.evaluate', { expression: 'gc()' });
    return heapUsage.parse(await this.#call('Runtime.getHeapUsage', {})).usedSize;
  }

  /** The server waits for this before it ends. */
  close(): void {
    this.#socket.terminate();
  }

  #call(method: string, params: Readonly<Record<string, unknown>>): Promise<unknown> {
    const id = this.#nextId++;
    const answered = this.#expect(String(id));
    this.#socket.send(JSON.stringify({ id, method, params }));
    return answered;
  }

  #expect(key: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#calls.delete(key);
        reject(new Error('the inspector does not answer'));
      }, ANSWER_WITHIN_MS);
      const settle = (): void => {
        clearTimeout(timer);
        this.#calls.delete(key);
      };
      this.#calls.set(key, {
        resolve: (result) => {
          settle();
          resolve(result);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
    });
  }

  #receive(text: string, session = ''): void {
    const { id, method, params, result, error } = answer.parse(JSON.parse(text));
    if (method === 'NodeWorker.attachedToWorker') {
      this.#sessions.push(attached.parse(params).sessionId);
    } else if (method === 'NodeWorker.receivedMessageFromWorker') {
      const { sessionId, message } = fromWorker.parse(params);
      this.#receive(message, `${sessionId}/`);
    } else if (id !== undefined) {
      const call = this.#calls.get(`${session}${id}`);
      if (error === undefined) call?.resolve(result);
      else call?.reject(new Error(error.message));
    }
  }
}
