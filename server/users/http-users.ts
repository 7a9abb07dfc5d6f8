// Users of a web service: POST {"username", "realm"} is answered 200 {"password"}, or 404 for a user that there is not.

import { z } from 'zod';
import type { UserSource } from './user-source.ts';

const TIMEOUT_MS = 3000;
const BODY_BYTES_MAX = 4096;

const answer = z.object({ password: z.string() });

export interface HttpUsersOptions {
  readonly url: string;
  /** The Authorization header field; empty for none. */
  readonly authorization: string;
  readonly realm: string;
}

export class HttpUsers implements UserSource {
  readonly name = 'http';
  readonly #options: HttpUsersOptions;

  constructor(options: HttpUsersOptions) {
    this.#options = options;
  }

  async passwordOf(username: string): Promise<string | undefined> {
    const { url, authorization, realm } = this.#options;
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        ...(authorization === '' ? {} : { authorization }),
      },
      body: JSON.stringify({ username, realm }),
      // A redirect could lead anywhere, with the header field.
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.status === 404) {
      await response.body?.cancel();
      return undefined;
    }
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`status ${response.status}`);
    }
    return answer.parse(JSON.parse(await bodyOf(response))).password;
  }

  close(): void {
    // Each request has a connection of the pool of fetch, and a time-out.
  }
}

/** Rejects a body that is longer than an answer can be, before it is in memory. */
async function bodyOf(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- one part after the other
    const part: unknown = (await reader?.read())?.value;
    if (!(part instanceof Uint8Array)) break;
    length += part.length;
    if (length > BODY_BYTES_MAX) throw new Error(`an answer of over ${BODY_BYTES_MAX} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
