// Speaks with the media worker of a running server through the inspector of Node (the DevTools protocol): the worker
// itself runs as it does for everybody. Called by the heap bench.

import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { Knock, type RunningServer } from './servers.ts';

/** What the server is started with: `gc()`, and an inspector on a free port, whose address Node prints. */
export const INSPECTED: readonly string[] = ['--expose-gc', '--inspect=127.0.0.1:0'];

const WORKER_FILE = '/server/media/worker.js';
const ADDRESS = /ws:\/\/127\.0\.0\.1:\d+\/\S+/;
/** A worker that waits for datagrams answers nothing else until one comes. */
const KNOCK_EVERY_MS = 20;
const ANSWER_MS_MAX = 60_000;

const answer = z.object({
  id: z.number(),
  result: z.unknown().optional(),
  error: z.object({ message: z.string() }).optional(),
});
const attached = z.object({
  method: z.literal('NodeWorker.attachedToWorker'),
  params: z.object({ sessionId: z.string(), workerInfo: z.object({ url: z.string() }) }),
});
const relayed = z.object({
  method: z.literal('NodeWorker.receivedMessageFromWorker'),
  params: z.object({ message: z.string() }),
});
const evaluated = z.object({
  result: z.object({ value: z.unknown().optional() }),
  exceptionDetails: z.unknown().optional(),
});

export class WorkerInspector {
  readonly #socket: WebSocket;
  readonly #knock: Knock;
  readonly #waiting = new Map<number, (message: z.output<typeof answer>) => void>();
  #nextId = 1;
  #session = '';

  private constructor(socket: WebSocket, knock: Knock) {
    this.#socket = socket;
    this.#knock = knock;
    socket.on('message', (data: Buffer) => this.#receive(data.toString()));
  }

  static async connect(server: RunningServer): Promise<WorkerInspector> {
    const [address] = ADDRESS.exec(server.said.join('')) ?? [];
    if (address === undefined) throw new Error('the server has printed no inspector address');
    const socket = new WebSocket(address, { perMessageDeflate: false });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const inspector = new WorkerInspector(socket, new Knock(server.port));
    inspector.#send({ method: 'NodeWorker.enable', params: { waitForDebuggerOnStart: false } });
    const end = performance.now() + ANSWER_MS_MAX;
    while (inspector.#session === '') {
      if (performance.now() > end) throw new Error('the server has no media worker');
      await sleep(KNOCK_EVERY_MS);
    }
    return inspector;
  }

  /** Has the worker carry out a method of the protocol. Throws Error when it refuses or does not answer. */
  async post(method: string, params: object = {}): Promise<unknown> {
    const id = this.#nextId++;
    const answered = new Promise<z.output<typeof answer>>((resolve) => {
      this.#waiting.set(id, resolve);
    });
    const message = JSON.stringify({ id, method, params });
    this.#send({
      method: 'NodeWorker.sendMessageToWorker',
      params: { sessionId: this.#session, message },
    });
    const knocking = setInterval(() => this.#knock.send(), KNOCK_EVERY_MS);
    const late = sleep(ANSWER_MS_MAX, undefined, { ref: false });
    const got = await Promise.race([answered, late]);
    clearInterval(knocking);
    if (got === undefined) throw new Error(`the media worker does not answer ${method}`);
    if (got.error !== undefined) throw new Error(`${method}: ${got.error.message}`);
    return got.result;
  }

  /** The value of an expression in the worker. */
  async evaluate(expression: string): Promise<unknown> {
    const answered = await this.post('Runtime.evaluate', { expression, returnByValue: true });
    const { result, exceptionDetails } = evaluated.parse(answered);
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return result.value;
  }

  close(): void {
    this.#knock.close();
    this.#socket.terminate();
  }

  #send(message: object): void {
    this.#socket.send(JSON.stringify({ id: this.#nextId++, ...message }));
  }

  #receive(text: string): void {
    const message: unknown = JSON.parse(text);
    const worker = attached.safeParse(message).data?.params;
    if (worker?.workerInfo.url.endsWith(WORKER_FILE) === true) this.#session ||= worker.sessionId;
    const inner = relayed.safeParse(message).data?.params.message;
    if (inner === undefined) return;
    const got = answer.safeParse(JSON.parse(inner)).data;
    if (got === undefined) return;
    this.#waiting.get(got.id)?.(got);
    this.#waiting.delete(got.id);
  }
}
