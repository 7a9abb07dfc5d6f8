// Whether the media ports of the SFU can be had, or are had by the server that runs. Called by: the doctor.

import type { Config } from '../../shared/config/load.ts';
import { whyNoOpenssl } from '../media/openssl-probe.ts';
import { IN_USE, tcpConnectProblem, tcpProblem, udpProblem } from './port-probe.ts';
import type { Report } from './report.ts';
import { reachable, type RunningServer } from './running-server.ts';

const FIX = 'set sfu.addresses, sfu.port or sfu.tcpPort';
const NOBODY = 'start the server again, and look at its log';

/** @param running whether that server answers */
export async function checkMedia(
  config: Config,
  server: RunningServer,
  running: boolean,
  report: Report,
): Promise<void> {
  if (!config.sfu.enabled) return report.ok('media', 'from peer to peer (sfu.enabled is false)');
  const reason = await whyNoOpenssl();
  if (reason !== undefined) {
    return report.fail('media', reason, 'run another build of Node, or set sfu.enabled: false');
  }
  for (const url of server.media) {
    const { hostname, port, protocol } = new URL(url);
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    // oxlint-disable-next-line no-await-in-loop -- the lines come in order
    await checkPort(url, protocol, host, Number(port), running, report);
  }
  return undefined;
}

async function checkPort(
  url: string,
  protocol: string,
  host: string,
  port: number,
  running: boolean,
  report: Report,
): Promise<void> {
  if (port === 0) return report.ok('media', `${url} is any free port, so it is not asked`);
  if (protocol === 'tcp:' && running) {
    const problem = await tcpConnectProblem(reachable(host), port);
    if (problem === undefined) return report.ok('media', `${url} takes connections`);
    return report.fail('media', `${url}: ${problem}`, NOBODY);
  }
  const problem = await (protocol === 'udp:' ? udpProblem : tcpProblem)(host, port, false);
  // Media ports answer nobody but participants: all that shows is whether somebody has them.
  if (running && problem === IN_USE) return report.ok('media', `${url} is in use`);
  if (running && problem === undefined) {
    return report.fail('media', `nobody listens at ${url}`, NOBODY);
  }
  if (problem === undefined) return report.ok('media', `${url} is free`);
  return report.fail('media', `${url}: ${problem}`, FIX);
}
