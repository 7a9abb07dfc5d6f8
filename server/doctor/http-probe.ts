// What a server of this machine answers over HTTP or HTTPS, whatever name its certificate is for.
// Called by: the doctor.

import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { parseJson } from '../../shared/parse-json.ts';

const ANSWER_MS = 2000;
const BODY_BYTES_MAX = 65_536;

export interface JsonAnswer {
  readonly status: number;
  /** Undefined where it is no JSON. */
  readonly body: unknown;
}

/** Undefined where nobody answers. */
export async function getJson(url: string): Promise<JsonAnswer | undefined> {
  try {
    const response = await answerOf(url);
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > BODY_BYTES_MAX) break;
    }
    const text = Buffer.concat(chunks).toString('utf8');
    return { status: response.statusCode ?? 0, body: parseJson(text) };
  } catch {
    return undefined;
  }
}

function answerOf(url: string): Promise<IncomingMessage> {
  const signal = AbortSignal.timeout(ANSWER_MS);
  return new Promise((resolve, reject) => {
    const request = url.startsWith('https:')
      ? requestHttps(url, { signal, agent: false, rejectUnauthorized: false }, resolve)
      : requestHttp(url, { signal, agent: false }, resolve);
    request.on('error', reject);
    request.end();
  });
}
