// Problem details, RFC 9457: the body of every answer that is not a success. What went wrong and what to do
// about it; never a stack trace, never what another client sent.
// Called by: http-server.ts and the routes; thrown by the callbacks of the composition root.

import { STATUS_CODES } from 'node:http';
import { SternaError } from '../shared/errors.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/**
 * A refusal with its HTTP status. `reason` is stable and for programs, `detail` is one sentence or two for
 * people.
 */
export class GatewayProblem extends SternaError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    reason: string,
    detail: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(reason, detail);
    this.name = 'GatewayProblem';
    this.status = status;
    this.headers = headers;
  }
}

export interface ProblemDetails {
  type: string;
  title: string;
  status: number;
  detail: string;
  reason: string;
  /** By which the log knows the request. */
  requestId: string;
}

export function problemDetails(
  { status, code, message }: GatewayProblem,
  requestId: string,
): ProblemDetails {
  return {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail: message,
    reason: code,
    requestId,
  };
}

/** Turns whatever was thrown into a problem; undefined when it is a fault of ours and must be logged. */
export function problemOf(error: unknown): GatewayProblem | undefined {
  if (error instanceof GatewayProblem) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new GatewayProblem(413, 'TOO_LARGE', 'The request body is over 64 KiB.');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new GatewayProblem(
        415,
        'MEDIA_TYPE',
        'The request body must be JSON: send Content-Type: application/json.',
      );
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return new GatewayProblem(400, 'BAD_MESSAGE', 'The request body is not JSON.');
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new GatewayProblem(400, 'BAD_MESSAGE', 'Content-Length does not fit the body.');
    case 'FST_ERR_BAD_URL':
      return new GatewayProblem(400, 'BAD_MESSAGE', 'The path is not a valid URL path.');
    default:
      return refusalOfPlugin(error);
  }
}

/** What a plugin refused with a 4xx, such as a path that leads out of the page's folder. */
function refusalOfPlugin(error: unknown): GatewayProblem | undefined {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  if (typeof status !== 'number' || status < 400 || status > 499) return undefined;
  return new GatewayProblem(status, 'BAD_MESSAGE', 'The request was refused.');
}
