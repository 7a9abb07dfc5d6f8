// The server's API with the credential of whoever signed in, and what to tell people where it refuses.
// Called by: everything that asks or does something.

/** How long an answer may take: the server gives up on its media workers and other nodes before. */
const ANSWER_MS = 10_000;

export class ApiProblem extends Error {
  /** 0 where the server cannot be reached. */
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, detail: string) {
    super(detail);
    this.name = 'ApiProblem';
    this.status = status;
    this.reason = reason;
  }
}

export type Method = 'POST' | 'DELETE';

export class Api {
  readonly #token: string;

  constructor(token: string) {
    this.#token = token;
  }

  /** @throws ApiProblem, or the reason of `signal` */
  async get<Answer>(path: string, signal: AbortSignal): Promise<Answer> {
    const response = await this.#fetch(path, { signal });
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- answers.ts has what our own server says
    return (await response.json()) as Answer;
  }

  /** @throws ApiProblem */
  async act(method: Method, path: string, body?: object): Promise<void> {
    await this.#fetch(path, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
    });
  }

  async #fetch(path: string, { headers, signal: given, ...init }: Ask): Promise<Response> {
    const slow = AbortSignal.timeout(ANSWER_MS);
    let response: Response;
    try {
      response = await fetch(`../v1/${path}`, {
        ...init,
        signal: given === undefined ? slow : AbortSignal.any([given, slow]),
        headers: { ...headers, authorization: `Bearer ${this.#token}` },
        credentials: 'omit',
      });
    } catch (error) {
      if (given?.aborted === true) throw error;
      const why = slow.aborted ? 'does not answer in time' : 'cannot be reached';
      throw new ApiProblem(0, 'UNREACHABLE', `The server ${why}.`);
    }
    if (response.ok) return response;
    const problem: unknown = await response.json().catch(() => null);
    const told = isObject(problem) ? problem : {};
    const { detail, reason } = told;
    throw new ApiProblem(
      response.status,
      typeof reason === 'string' ? reason : '',
      typeof detail === 'string' ? detail : `The server answered ${response.status}.`,
    );
  }
}

interface Ask {
  readonly method?: Method;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** What went wrong and what to do about it. */
export function adviceOf(error: unknown): string {
  if (!(error instanceof ApiProblem)) return String(error);
  const { status, message, reason } = error;
  if (status === 0) {
    return `${message} Is it running, and is the way to it open? This page goes on trying.`;
  }
  if (reason === 'TOKEN_EXPIRED') return `${message} Make a new one: sterna token --admin.`;
  if (status === 401)
    return `${message} Sign in with a token of “sterna token --admin”, or an API key as “name:secret”.`;
  if (status === 403) return `${message} It takes a token that grants roomAdmin for all rooms.`;
  if (status === 429) return `${message} This page asks less often for now.`;
  if (status === 503)
    return `${message} The server starts, drains, or waits for a media worker or another node; this page goes on trying.`;
  return message;
}

/** Whether signing in again is all that helps. */
export function isRefused(error: unknown): boolean {
  return error instanceof ApiProblem && (error.status === 401 || error.status === 403);
}
