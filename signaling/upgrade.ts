// What is checked before a WebSocket exists, and the HTTP answer when it is not to: JSON as in RFC 9457.
// Called by: signaling-server.ts. A refusal here costs the client no token and the server no memory.

import { STATUS_CODES } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { CODES, SUBPROTOCOL } from './codes.ts';
import type { Reason } from './codes.ts';

export interface UpgradeProblem {
  readonly status: number;
  readonly reason: Reason;
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const TOKEN_PARAMETERS: ReadonlySet<string> = new Set([
  'token',
  'access_token',
  'accesstoken',
  'id_token',
  'jwt',
  'bearer',
  'auth',
  'authorization',
]);

/** Who connects, and by which name of this server. */
export interface UpgradeClient {
  readonly address: string;
  /** As in the Host field; empty where there is none. */
  readonly host: string;
  /** Whether it came by TLS. False also where a proxy ends it and does not say so. */
  readonly isSecure: boolean;
}

/** As the connection itself tells it. */
export function clientOf({ socket, headers }: IncomingMessage): UpgradeClient {
  const { remoteAddress: address = '' } = socket;
  return { address, host: headers.host ?? '', isSecure: 'encrypted' in socket };
}

/** What is wrong with the request; null when nothing is. `origins`: allowed besides its own host. */
export function checkUpgrade(
  req: IncomingMessage,
  origins: readonly string[],
  client: UpgradeClient = clientOf(req),
): UpgradeProblem | null {
  if (hasToken(req.url ?? '')) {
    return problem(
      'BAD_MESSAGE',
      'A token in a URL ends up in logs and histories. Send it in the first WebSocket message, ' +
        '{"type":"join","i":1,"token":"..."}, and treat the one just sent as disclosed.',
    );
  }
  const offered = (req.headers['sec-websocket-protocol'] ?? '').split(',');
  if (!offered.some((name) => name.trim() === SUBPROTOCOL)) {
    return problem('UPGRADE_PROTOCOL', `Expected Sec-WebSocket-Protocol to offer ${SUBPROTOCOL}`, {
      Upgrade: 'websocket',
      'Sec-WebSocket-Protocol': SUBPROTOCOL,
    });
  }
  if (!originAllowed(req.headers.origin, client, origins)) {
    return problem('NOT_ALLOWED', 'The Origin is neither this host nor one of the allowed origins');
  }
  return null;
}

export function problem(
  reason: Reason,
  detail: string,
  headers?: Readonly<Record<string, string>>,
): UpgradeProblem {
  const { http: status } = CODES[reason];
  return headers === undefined ? { status, reason, detail } : { status, reason, detail, headers };
}

/** Answers instead of upgrading, and closes. */
export function answerProblem(
  socket: Duplex,
  { status, reason, detail, headers }: UpgradeProblem,
): void {
  const { code, retry } = CODES[reason];
  const title = STATUS_CODES[status] ?? 'Error';
  const body = JSON.stringify({ type: 'about:blank', title, status, detail, reason, code, retry });
  const lines = [
    `HTTP/1.1 ${status} ${title}`,
    'Connection: close',
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    ...Object.entries(headers ?? {}).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.once('finish', () => socket.destroy());
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

function hasToken(url: string): boolean {
  const query = url.indexOf('?');
  if (query < 0) return false;
  for (const [name, value] of new URLSearchParams(url.slice(query + 1))) {
    // A JWT shows by its first segment, the base64url of `{"`.
    if (TOKEN_PARAMETERS.has(name.toLowerCase()) || value.startsWith('eyJ')) return true;
  }
  return false;
}

/** Browsers always send Origin, other clients need not: without one nobody's cookies or pages are abused. */
function originAllowed(
  origin: string | undefined,
  { host, isSecure }: UpgradeClient,
  origins: readonly string[],
): boolean {
  if (origin === undefined || origins.includes('*')) return true;
  const given = parseUrl(origin);
  if (given === null) return origins.includes(origin);
  // A page that came without TLS may be anybody's, whatever name it came by.
  const scheme = isSecure ? 'https:' : given.protocol;
  const own = host === '' ? [] : [`${scheme}//${host}`];
  return [...own, ...origins].some((allowed) => {
    const url = parseUrl(allowed);
    return url?.protocol === given.protocol && url.host === given.host;
  });
}

function parseUrl(text: string): URL | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url === null || url.host === '' ? null : url;
}
