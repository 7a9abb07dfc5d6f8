// A gateway with nothing behind its routes, for tests of what is in front of them.

import { readFileSync } from 'node:fs';
import { createGateway, type Gateway, type GatewayOptions } from '../../gateway/http-server.ts';
import type { TlsPair } from '../../shared/config/tls-pair.ts';
import { NO_APIS } from './no-apis.ts';
import type { TlsFiles } from './tls-files.ts';

/** On a free port of 127.0.0.1, unless told otherwise. */
export async function startGateway(
  over: Partial<GatewayOptions> = {},
  at: { readonly host?: string; readonly port?: number } = {},
): Promise<{ gateway: Gateway; port: number }> {
  const gateway = createGateway({ ...NO_APIS, ...over });
  return { gateway, port: await gateway.listen(at.host ?? '127.0.0.1', at.port ?? 0) };
}

/** What the files hold. */
export function pairOf({ cert, key }: TlsFiles): TlsPair {
  return { cert: readFileSync(cert), key: readFileSync(key) };
}
