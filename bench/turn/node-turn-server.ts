// The npm package node-turn, for the TURN bench, where it is installed: port and relay ports are its arguments.
// Runs until it is killed.

import { createRequire } from 'node:module';
import { PASSWORD, REALM, USERNAME } from './account.ts';

/** The part of the package that is used. */
type NodeTurn = new (options: Record<string, unknown>) => { start(): void };

function isNodeTurn(exported: unknown): exported is NodeTurn {
  return typeof exported === 'function';
}

const PACKAGE = 'node-turn';
const [port, first, last] = process.argv.slice(2).map(Number);
const Turn: unknown = createRequire(import.meta.url)(PACKAGE);
if (!isNodeTurn(Turn)) throw new Error(`${PACKAGE} exports no class`);
new Turn({
  authMech: 'long-term',
  credentials: { [USERNAME]: PASSWORD },
  realm: REALM,
  listeningIps: ['127.0.0.1'],
  relayIps: ['127.0.0.1'],
  listeningPort: port,
  minPort: first,
  maxPort: last,
  debugLevel: 'OFF',
}).start();
