// `sterna doctor`: looks at what a server needs and, where one runs, at whether it does what it should. One
// line a check.

import { isIPv4 } from 'node:net';
import { z } from 'zod';
import { ConfigError } from '../../shared/config/config-error.ts';
import { loadConfig } from '../../shared/config/load.ts';
import type { Config } from '../../shared/config/load.ts';
import type { TlsGroup } from '../../shared/config/tls-pair.ts';
import {
  bracketed,
  isWildcard,
  type ListenerUrl,
  parseListenerUrl,
} from '../../shared/config/network-values.ts';
import { systemClock } from '../../shared/clock.ts';
import { capabilityText, chooseEngine } from '../../shared/net/engine-choice.ts';
import { mintRestCredential } from '../../turn/credentials.ts';
import { readDevKey } from '../dev-key.ts';
import { probeCertificate } from '../doctor/certificate-probe.ts';
import { getJson } from '../doctor/http-probe.ts';
import { IN_USE, tcpProblem, udpProblem } from '../doctor/port-probe.ts';
import { probeBinding, probeRelay } from '../doctor/turn-probe.ts';
import { whyNoOpenssl } from '../media/openssl-probe.ts';
import { VERSION, webRoot } from '../package-root.ts';
import {
  CONFIG_FLAGS,
  CONFIG_FLAGS_HELP,
  configFlags,
  EXIT_FAILED,
  EXIT_OK,
  readFlags,
} from './command.ts';
import type { Command, Context, Flags } from './command.ts';

const NODE_FLOOR = [20, 19] as const;

/** Prints one line and remembers whether any was bad. */
class Report {
  readonly #context: Context;
  failures = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  ok(check: string, found: string): void {
    this.#context.print(`ok    ${check.padEnd(10)} ${found}\n`);
  }

  fail(check: string, found: string, fix: string): void {
    this.failures++;
    this.#context.print(`FAIL  ${check.padEnd(10)} ${found}: ${fix}\n`);
  }
}

/** Which engine a server started here would get, and what the kernel lets it do. */
async function checkEngine(config: Config, report: Report): Promise<void> {
  const engine = await chooseEngine(config.engine);
  if (engine.kind === 'portable') {
    if (config.engine !== 'linux') return report.ok('engine', `portable (${engine.reason})`);
    return report.fail('engine', `linux cannot run here, ${engine.reason}`, 'set engine to auto');
  }
  return report.ok('engine', `linux, ${capabilityText(engine.capabilities)}`);
}

export const doctor: Command = {
  name: 'doctor',
  summary: 'check this machine, the configuration and a running server',
  help: `${CONFIG_FLAGS_HELP}
      --health             ask only whether the server is healthy (for HEALTHCHECK)

Looks at Node, the configuration, the page and the ports. Where a server answers, it also makes
a STUN Binding and sends packets through two TURN relays. Exit code 1 when a check fails.`,

  run: async (argv, context) => {
    const flags = readFlags('doctor', argv, { ...CONFIG_FLAGS, health: { type: 'boolean' } });
    const report = new Report(context);
    if (flags.has('health')) return checkHealth(flags, context, report);
    checkNode(report);
    const page = webRoot();
    if (page === undefined) report.fail('page', 'not built', 'run npm run build');
    else report.ok('page', 'built');
    try {
      const config = readConfig(flags, context);
      report.ok('config', config.file ?? `${config.mode}, no file`);
      for (const warning of config.warnings) report.fail('config', 'doubtful', warning);
      await checkEngine(config, report);
      const running = await checkGateway(config, report);
      await checkMedia(config, running, report);
      await checkTurn(config, running, report);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      report.fail('config', error.message, 'see docs/configuration.md');
    }
    return report.failures > 0 ? EXIT_FAILED : EXIT_OK;
  },
};

function readConfig(flags: Flags, context: Context): Config {
  return loadConfig({
    file: flags.get('config'),
    environment: context.environment,
    flags: configFlags(flags, {}),
  });
}

async function checkHealth(flags: Flags, context: Context, report: Report): Promise<number> {
  const url = `${gatewayUrl(readConfig(flags, context))}/healthz`;
  const answer = await getJson(url);
  if (answer?.status === 200) {
    report.ok('health', url);
    return EXIT_OK;
  }
  report.fail('health', url, answer === undefined ? 'no answer' : `it answers ${answer.status}`);
  return EXIT_FAILED;
}

function checkNode(report: Report): void {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const enough = major > NODE_FLOOR[0] || (major === NODE_FLOOR[0] && minor >= NODE_FLOOR[1]);
  if (enough) report.ok('node', process.versions.node);
  else report.fail('node', process.versions.node, `install Node ${NODE_FLOOR.join('.')} or newer`);
}

const health = z.object({ status: z.literal('ok'), version: z.string() });

/** Whether a Sterna answers at the configured address. */
async function checkGateway(config: Config, report: Report): Promise<boolean> {
  const { bind } = config;
  const { port, tls } = config.gateway;
  const url = gatewayUrl(config);
  const answer = await getJson(`${url}/healthz`);
  if (answer === undefined) {
    const problem = await tcpProblem(bind, port);
    if (problem === undefined) report.ok('gateway', `port ${port} on ${bind} is free`);
    else report.fail('gateway', `port ${port} on ${bind}: ${problem}`, 'set gateway.port or bind');
    return false;
  }
  const sterna = health.safeParse(answer.body);
  if (!sterna.success) {
    report.fail('gateway', `something else answers at ${url}`, 'stop it or set gateway.port');
    return false;
  }
  const other = sterna.data.version === VERSION ? '' : `, this one is ${VERSION}`;
  report.ok('gateway', `Sterna ${sterna.data.version} answers at ${url}${other}`);
  if (tls.cert !== '')
    await checkCertificate(url, { host: reachable(bind), port }, 'gateway', report);
  const ready = await getJson(`${url}/readyz`);
  if (ready?.status === 200) report.ok('ready', 'takes participants');
  else
    report.fail('ready', 'takes no participants', 'it is starting or shutting down; see its log');
  return true;
}

async function checkTurn(config: Config, running: boolean, report: Report): Promise<void> {
  const development = config.mode === 'development' && running ? readDevKey() : undefined;
  const listeners = development?.listeners ?? config.turn.listeners;
  const secret = development?.turnSecret ?? config.turn.secrets[0];
  const families = new Set(
    config.turn.relay.addresses.map((address): 4 | 6 => (isIPv4(address) ? 4 : 6)),
  );
  for (const url of listeners) {
    const listener = parseListenerUrl(url);
    const at = { ...listener, host: reachable(listener.host) };
    if (at.transport === 'dtls') {
      report.ok('stun', `${url} is not asked: the doctor speaks no DTLS`);
      continue;
    }
    // One after the other, so that the lines come in order and probes do not meet the caps together.
    // oxlint-disable-next-line no-await-in-loop
    const answers = await checkListener(url, at, running, report);
    // oxlint-disable-next-line no-await-in-loop
    if (answers && at.transport === 'tls') await checkCertificate(url, at, 'turn', report);
    if (!answers || secret === undefined || secret === '') continue;
    for (const family of families) {
      // oxlint-disable-next-line no-await-in-loop
      await checkRelay(url, at, family, secret, report);
    }
  }
}

/** Media ports answer nobody but participants: all that shows from outside is whether somebody has them. */
async function checkMedia(config: Config, running: boolean, report: Report): Promise<void> {
  const { enabled, addresses, port, tcp, tcpPort } = config.sfu;
  if (!enabled) return report.ok('media', 'from peer to peer (sfu.enabled is false)');
  const reason = await whyNoOpenssl();
  if (reason !== undefined) {
    return report.fail('media', reason, 'run another build of Node, or set sfu.enabled: false');
  }
  const development = config.mode === 'development' && running ? readDevKey() : undefined;
  const urls =
    development?.media ??
    addresses.flatMap((host) => {
      const at = bracketed(host);
      return tcp ? [`udp://${at}:${port}`, `tcp://${at}:${tcpPort}`] : [`udp://${at}:${port}`];
    });
  for (const url of urls) {
    const { hostname, port: named, protocol } = new URL(url);
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    const problemAt = protocol === 'udp:' ? udpProblem : tcpProblem;
    // oxlint-disable-next-line no-await-in-loop -- the lines come in order
    const problem = await problemAt(host, Number(named));
    const fix = 'set sfu.addresses, sfu.port or sfu.tcpPort';
    if (problem === undefined && running) {
      report.fail('media', `nobody listens at ${url}`, 'look at the log of the server');
    } else if (problem === undefined) report.ok('media', `${url} is free`);
    else if (running && problem === IN_USE) report.ok('media', `${url} is in use`);
    else report.fail('media', `${url}: ${problem}`, fix);
  }
  return undefined;
}

async function checkListener(
  url: string,
  at: ListenerUrl,
  running: boolean,
  report: Report,
): Promise<boolean> {
  try {
    report.ok('stun', `${url} answers, we are ${await probeBinding(at)}`);
    return true;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    if (running) {
      report.fail('stun', `${url}: ${why}`, 'look at the log of the server and at the firewall');
    } else {
      const { transport, host, port } = parseListenerUrl(url);
      const isStream = transport === 'tcp' || transport === 'tls';
      const problem = await (isStream ? tcpProblem : udpProblem)(host, port);
      if (problem === undefined) report.ok('stun', `${url} is free`);
      else report.fail('stun', `${url}: ${problem}`, 'set turn.listeners');
    }
    return false;
  }
}

/** An expired one keeps every browser from coming by `https:` or `turns:`. */
async function checkCertificate(
  url: string,
  at: Pick<ListenerUrl, 'host' | 'port'>,
  group: TlsGroup,
  report: Report,
): Promise<void> {
  try {
    const { subject, validTo, isExpired } = await probeCertificate(at, systemClock.wall());
    const found = `${url} is ${subject}, until ${validTo}`;
    if (isExpired) report.fail('tls', found, `it has expired: renew ${group}.tls.cert`);
    else report.ok('tls', found);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    report.fail('tls', `${url}: ${why}`, 'look at the log of the server');
  }
}

async function checkRelay(
  url: string,
  at: ListenerUrl,
  family: 4 | 6,
  secret: string,
  report: Report,
): Promise<void> {
  const expiresAt = Math.floor(systemClock.wall() / 1000) + 60;
  const credential = mintRestCredential(secret, 'doctor', expiresAt);
  const name = `turn IPv${family}`;
  try {
    const relays = await probeRelay(at, family, credential);
    report.ok(name, `relayed there and back between ${relays.join(' and ')}`);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const fix = 'check turn.secrets, turn.relay and turn.peers, and that the clock is right';
    report.fail(name, `through ${url}: ${why}`, fix);
  }
}

/** Of the page, as this machine reaches it. */
function gatewayUrl({ bind, gateway }: Config): string {
  const scheme = gateway.tls.cert === '' ? 'http' : 'https';
  return `${scheme}://${bracketed(reachable(bind))}:${gateway.port}`;
}

/** Where this machine reaches an address that it is bound to. */
function reachable(host: string): string {
  if (!isWildcard(host)) return host;
  return isIPv4(host) ? '127.0.0.1' : '::1';
}
