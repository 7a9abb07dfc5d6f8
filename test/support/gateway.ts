// A gateway with nothing behind its routes, for tests of what is in front of them.

import { readFileSync } from 'node:fs';
import { createGateway, type Gateway, type GatewayOptions } from '../../gateway/http-server.ts';
import type { TlsPair } from '../../shared/config/tls-pair.ts';
import { silentLogger } from '../../shared/log.ts';
import { NO_OPERATE_API, NO_TURN_API } from './no-apis.ts';
import type { TlsFiles } from './tls-files.ts';

const OPTIONS: GatewayOptions = {
  log: silentLogger,
  version: '1.2.3',
  webRoot: undefined,
  signalPath: '/v1/signal',
  healthy: () => true,
  state: () => 'ready',
  onUpgrade: (_request, socket) => socket.destroy(),
  createRoom: () => ({ created: true, room: {} }),
  tellRoomStats: () => Promise.resolve({}),
  turn: NO_TURN_API,
  operate: NO_OPERATE_API,
  metrics: { readers: [], contentType: 'text/plain', scrape: () => Promise.resolve('') },
};

/** On a free port of 127.0.0.1, unless told otherwise. */
export async function startGateway(
  over: Partial<GatewayOptions> = {},
  at: { readonly host?: string; readonly port?: number } = {},
): Promise<{ gateway: Gateway; port: number }> {
  const gateway = await createGateway({ ...OPTIONS, ...over });
  return { gateway, port: await gateway.listen(at.host ?? '127.0.0.1', at.port ?? 0) };
}

/** What the files hold. */
export function pairOf({ cert, key }: TlsFiles): TlsPair {
  return { cert: readFileSync(cert), key: readFileSync(key) };
}
