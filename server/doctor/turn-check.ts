// Asks every listener of STUN and TURN what a client would: a Binding, a round trip between two relays, a certificate.
// Called by: the doctor.

import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { X509Certificate } from 'node:crypto';
import { systemClock } from '../../shared/clock.ts';
import type { Config } from '../../shared/config/load.ts';
import {
  formatListenerUrl,
  type ListenerUrl,
  natDiscoveryUrls,
  needsCertificate,
  parseListenerUrl,
} from '../../shared/config/network-values.ts';
import { mintRestCredential } from '../../turn/credentials.ts';
import { whyNoOpenssl } from '../media/openssl-probe.ts';
import { checkCertificate, namesOf } from './certificate-check.ts';
import { tcpProblem, udpProblem } from './port-probe.ts';
import type { Report } from './report.ts';
import { configuredServer, reachable, type RunningServer } from './running-server.ts';
import { type BindingAnswer, probeBinding, probeRelay } from './turn-probe.ts';

/** What keeps packets from a listener that the server has opened, by transport. */
const UNREACHED: Readonly<Record<ListenerUrl['transport'], string>> = {
  udp: 'look at the log of the server, and let the firewall pass UDP to and from that port',
  tcp: 'look at the log of the server, and let the firewall pass TCP to that port',
  tls: 'look at the log of the server for turn.tls, and let the firewall pass TCP to that port',
  dtls: 'look at the log of the server for turn.dtls, and let the firewall pass UDP to and from that port',
};

/** @param running undefined where no server answers */
export async function checkTurn(
  config: Config,
  running: RunningServer | undefined,
  report: Report,
): Promise<void> {
  const { turn } = config;
  const { listeners, turnSecret } = running ?? configuredServer(config);
  const families = new Set(turn.relay.addresses.map((host): 4 | 6 => (isIPv4(host) ? 4 : 6)));
  let shown = false;
  // One after the other, so that the lines come in order and probes do not meet the caps together.
  for (const url of listeners) {
    // oxlint-disable-next-line no-await-in-loop
    const answer = await checkListener(url, running !== undefined, report);
    if (answer?.certificate !== undefined) {
      shown = true;
      const names = namesOf(url, turn);
      checkCertificate(url, answer.certificate, names, systemClock.wall(), report);
    }
    if (answer === undefined || turnSecret === undefined) continue;
    for (const family of families) {
      // oxlint-disable-next-line no-await-in-loop
      await checkRelay(url, family, turnSecret, report);
    }
  }
  if (!shown) checkCertificateFile(config, report);
  for (const url of discoveryUrls(config, listeners)) {
    // oxlint-disable-next-line no-await-in-loop
    await checkListener(url, running !== undefined, report);
  }
}

/** Undefined where it does not answer. */
async function checkListener(
  url: string,
  running: boolean,
  report: Report,
): Promise<BindingAnswer | undefined> {
  const { transport, host, port } = parseListenerUrl(url);
  if (transport === 'dtls') {
    const reason = await whyNoOpenssl();
    if (reason !== undefined) {
      const fix = 'run another build of Node, or leave dtls:// out of turn.listeners';
      report.fail('stun', `${url} can neither be served nor asked, ${reason}`, fix);
      return undefined;
    }
  }
  try {
    const answer = await probeBinding(parsed(url));
    report.ok('stun', `${url} answers, we are ${answer.mapped}`);
    return answer;
  } catch (error) {
    if (running) report.fail('stun', `${url}: ${messageOf(error)}`, UNREACHED[transport]);
    else {
      const isStream = transport === 'tcp' || transport === 'tls';
      const problem = await (isStream ? tcpProblem : udpProblem)(host, port);
      if (problem === undefined) report.ok('stun', `${url} is free`);
      else report.fail('stun', `${url}: ${problem}`, 'set turn.listeners');
    }
    return undefined;
  }
}

async function checkRelay(
  url: string,
  family: 4 | 6,
  secret: string,
  report: Report,
): Promise<void> {
  const expiresAt = Math.floor(systemClock.wall() / 1000) + 60;
  const credential = mintRestCredential(secret, 'doctor', expiresAt);
  const name = `turn IPv${family}`;
  try {
    const relays = await probeRelay(parsed(url), family, credential);
    const { transport } = parseListenerUrl(url);
    report.ok(name, `relayed there and back by ${transport}, between ${relays.join(' and ')}`);
  } catch (error) {
    const fix = 'check turn.secrets, turn.relay and turn.peers, and that the clock is right';
    report.fail(name, `through ${url}: ${messageOf(error)}`, fix);
  }
}

/** Where no listener has shown it: what the next start would show. */
function checkCertificateFile({ turn }: Config, report: Report): void {
  if (!turn.listeners.some((url) => needsCertificate(url))) return;
  const certificate = new X509Certificate(readFileSync(turn.tls.cert));
  const names = turn.listeners.flatMap((url) => (needsCertificate(url) ? namesOf(url, turn) : []));
  checkCertificate(turn.tls.cert, certificate, names, systemClock.wall(), report);
}

/** The three addresses beside the first listener where NAT behavior discovery answers (RFC 5780 s6). */
function discoveryUrls({ turn }: Config, listeners: readonly string[]): string[] {
  const { primary, alternate } = natDiscoveryUrls(listeners, turn.natDiscovery) ?? {};
  if (primary === undefined || alternate === undefined) return [];
  return [
    formatListenerUrl(primary.host, alternate.port),
    formatListenerUrl(alternate.host, primary.port),
    formatListenerUrl(alternate.host, alternate.port),
  ];
}

function parsed(url: string): ListenerUrl {
  const listener = parseListenerUrl(url);
  return { ...listener, host: reachable(listener.host) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
