// A session with Janus by its own API over HTTP: requests are acknowledged, and what comes of them arrives by a long
// poll, told apart by transaction.

import { z } from 'zod';

const EVENTS_AT_ONCE = 10;

const reply = z.object({
  janus: z.string(),
  transaction: z.string().optional(),
  data: z.object({ id: z.number() }).optional(),
  error: z.object({ code: z.number(), reason: z.string() }).optional(),
  plugindata: z
    .object({ data: z.object({ videoroom: z.string().optional(), error: z.string().optional() }) })
    .optional(),
  jsep: z.object({ type: z.string(), sdp: z.string() }).optional(),
});
type Reply = z.output<typeof reply>;
const replies = z.union([z.array(reply), reply.transform((one) => [one])]);

interface Jsep {
  readonly type: 'offer' | 'answer';
  readonly sdp: string;
}

export class JanusSession {
  readonly #session: string;
  readonly #waiting = new Map<string, (event: Reply) => void>();
  readonly #stopPolling = new AbortController();
  #transactions = 0;

  private constructor(session: string) {
    this.#session = session;
  }

  /** `url`: of the API, such as http://127.0.0.1:8088/janus. */
  static async open(url: string): Promise<JanusSession> {
    const created = await post(url, { janus: 'create', transaction: 'create' });
    const session = new JanusSession(`${url}/${created.data?.id}`);
    void session.#poll();
    return session;
  }

  /** A handle of the videoroom. */
  async attach(): Promise<string> {
    const attach = { janus: 'attach', plugin: 'janus.plugin.videoroom' };
    const { data } = await this.#request(this.#session, attach);
    return `${this.#session}/${data?.id}`;
  }

  /** The description in the event that comes of it, if there is one. */
  async message(handle: string, body: object, jsep?: Jsep): Promise<string | undefined> {
    const transaction = String(this.#transactions++);
    const event = new Promise<Reply>((resolve) => this.#waiting.set(transaction, resolve));
    await post(handle, { janus: 'message', transaction, body, jsep });
    const answered = await event;
    const error = answered.plugindata?.data.error ?? answered.error?.reason;
    if (error !== undefined) throw new Error(`Janus: ${error}`);
    return answered.jsep?.sdp;
  }

  async close(): Promise<void> {
    this.#stopPolling.abort();
    await this.#request(this.#session, { janus: 'destroy' });
  }

  #request(url: string, body: object): Promise<Reply> {
    return post(url, { ...body, transaction: String(this.#transactions++) });
  }

  async #poll(): Promise<void> {
    const { signal } = this.#stopPolling;
    try {
      while (!signal.aborted) {
        const response = await fetch(`${this.#session}?maxev=${EVENTS_AT_ONCE}`, { signal });
        for (const event of replies.parse(await response.json())) {
          const { transaction = '' } = event;
          this.#waiting.get(transaction)?.(event);
          this.#waiting.delete(transaction);
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

/** What is answered at once. */
async function post(url: string, body: object): Promise<Reply> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  const answered = reply.parse(await response.json());
  if (answered.janus !== 'error') return answered;
  throw new Error(`Janus: ${answered.error?.reason ?? 'error'}`);
}
