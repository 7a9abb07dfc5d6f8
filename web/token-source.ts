// Where the page gets its token: development mode mints one at POST /dev/token; otherwise the user brings
// one.

export interface TokenRequest {
  room: string;
  identity: string;
  name: string;
}

export interface MintedToken {
  token: string;
  /** The signaling server, when it is not the page's own. */
  url?: string;
}

/** What a token says about its holder; read only to show it, the server alone checks it. */
export interface TokenClaims {
  room?: string;
  name?: string;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/**
 * A token of development mode, or null when this server does not mint any. Rejects when it should but
 * cannot.
 */
export async function mintDevToken(
  request: TokenRequest,
  signal?: AbortSignal,
): Promise<MintedToken | null> {
  const response = await fetch('dev/token', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
    ...(signal ? { signal } : {}),
  });
  if (response.status === 404) return null;
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw new Error(problemOf(body) ?? `The server answered ${response.status}`);
  if (!isObject(body) || typeof body['token'] !== 'string') {
    throw new Error('The server answered without a token');
  }
  const { token, url } = body;
  return { token, ...(typeof url === 'string' ? { url } : {}) };
}

/** Problem details, RFC 9457. */
function problemOf(body: unknown): string | undefined {
  return isObject(body) && typeof body['detail'] === 'string' ? body['detail'] : undefined;
}

/** Reads room and name out of a JWT's payload; empty for what is not a JWT. */
export function readClaims(token: string): TokenClaims {
  try {
    const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(payload), (char) => char.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (!isObject(claims)) return {};
    const { grants, name, sub } = claims;
    const room = isObject(grants) ? grants['room'] : undefined;
    const shown = typeof name === 'string' ? name : sub;
    return {
      ...(typeof room === 'string' ? { room } : {}),
      ...(typeof shown === 'string' ? { name: shown } : {}),
    };
  } catch {
    return {};
  }
}
