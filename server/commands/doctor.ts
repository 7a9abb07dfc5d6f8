// `sterna doctor`: looks at what a server needs and, where one runs, at whether it does what it should. One
// line a check.

import { z } from 'zod';
import { ConfigError } from '../../shared/config/config-error.ts';
import { loadConfig } from '../../shared/config/load.ts';
import type { Config } from '../../shared/config/load.ts';
import { bracketed } from '../../shared/config/network-values.ts';
import { capabilityText, chooseEngine, type EngineChoice } from '../../shared/net/engine-choice.ts';
import { systemClock } from '../../shared/clock.ts';
import { checkCertificate } from '../doctor/certificate-check.ts';
import { shownCertificate } from '../doctor/certificate-probe.ts';
import { getJson } from '../doctor/http-probe.ts';
import { checkClock } from '../doctor/clock-check.ts';
import { checkLimits, readLimits } from '../doctor/limits-check.ts';
import { checkMedia } from '../doctor/media-check.ts';
import { tcpProblem } from '../doctor/port-probe.ts';
import { Report } from '../doctor/report.ts';
import { configuredServer, findServer, reachable } from '../doctor/running-server.ts';
import { checkTurn } from '../doctor/turn-check.ts';
import { workerCount } from '../media/worker-count.ts';
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

/** Which engine a server started here would get, and what the kernel lets it do. */
async function checkEngine(config: Config, report: Report): Promise<EngineChoice> {
  const engine = await chooseEngine(config.engine);
  if (engine.kind === 'linux') report.ok('engine', `linux, ${capabilityText(engine.capabilities)}`);
  else if (config.engine !== 'linux') report.ok('engine', `portable (${engine.reason})`);
  else {
    report.fail('engine', `linux cannot run here, ${engine.reason}`, 'set engine to auto');
  }
  return engine;
}

export const doctor: Command = {
  name: 'doctor',
  summary: 'check this machine, the configuration and a running server',
  help: `${CONFIG_FLAGS_HELP}
      --health             ask only whether the server is healthy (for HEALTHCHECK)
      --ntp HOST[:PORT]    compare the clock with that time server's

Looks at Node, the clock, the configuration, the page, limits of the system and the ports. Where a
server answers, it also asks every listener of STUN and TURN over UDP, TCP, TLS and DTLS for a
Binding, sends packets through two relays, there and back, and reads the certificate. Exit code 1 when a check fails.`,

  run: async (argv, context) => {
    const flags = readFlags('doctor', argv, {
      ...CONFIG_FLAGS,
      health: { type: 'boolean' },
      ntp: { type: 'string' },
    });
    const report = new Report((line) => context.print(line));
    if (flags.has('health')) return checkHealth(flags, context, report);
    checkNode(report);
    await checkClock(flags.get('ntp'), report);
    const page = webRoot();
    if (page === undefined) report.fail('page', 'not built', 'run npm run build');
    else report.ok('page', 'built');
    try {
      const config = readConfig(flags, context);
      report.ok('config', config.file ?? `${config.mode}, no file`);
      for (const warning of config.warnings) report.fail('config', 'doubtful', warning);
      const engine = await checkEngine(config, report);
      checkLimits(readLimits(), config, report);
      const running = await checkGateway(config, report);
      const workers = workerCount(config.workers, engine);
      const server = (running ? findServer : configuredServer)(config, workers);
      await checkMedia(config, server, running, report);
      await checkTurn(config, server, running, report);
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
    const problem = await tcpProblem(bind, port, true);
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
  const ready = await getJson(`${url}/readyz`);
  if (ready?.status === 200) report.ok('ready', 'takes participants');
  else
    report.fail('ready', 'takes no participants', 'it is starting or shutting down; see its log');
  if (tls.cert !== '') await checkGatewayCertificate(config, report);
  return true;
}

/** An expired one keeps every browser from coming. */
async function checkGatewayCertificate({ bind, gateway }: Config, report: Report): Promise<void> {
  const where = `the gateway at port ${gateway.port}`;
  try {
    const at = { host: reachable(bind), port: gateway.port };
    const certificate = await shownCertificate(at);
    checkCertificate(where, certificate, [], systemClock.wall(), report, 'gateway.tls.cert');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    report.fail('tls', `${where}: ${why}`, 'look at the log of the server');
  }
}

/** Of the page, as this machine reaches it. */
function gatewayUrl({ bind, gateway }: Config): string {
  const scheme = gateway.tls.cert === '' ? 'http' : 'https';
  return `${scheme}://${bracketed(reachable(bind))}:${gateway.port}`;
}
