// Asks every listener of STUN and TURN what a client would: a Binding, a round trip between two relays, a certificate.
// Called by: the doctor.

import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { X509Certificate } from 'node:crypto';
import { systemClock } from '../../shared/clock.ts';
import type { Config } from '../../shared/config/load.ts';
import {
  formatListenerUrl,
  isDualStack,
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
import { reachableAt, type RunningServer } from './running-server.ts';
import { type BindingAnswer, probeBinding, probeRelay } from './turn-probe.ts';

/** What keeps packets from a listener that the server has opened, by transport. */
const UNREACHED: Readonly<Record<ListenerUrl['transport'], string>> = {
  udp: 'look at the log of the server, and let the firewall pass UDP to and from that port',
  tcp: 'look at the log of the server, and let the firewall pass TCP to that port',
  tls: 'look at the log of the server for turn.tls, and let the firewall pass TCP to that port',
  dtls: 'look at the log of the server for turn.dtls, and let the firewall pass UDP to and from that port',
};

/** @param running whether that server answers */
export async function checkTurn(
  config: Config,
  server: RunningServer,
  running: boolean,
  report: Report,
): Promise<void> {
  const { turn } = config;
  const { listeners, turnSecret } = server;
  const families = new Set(turn.relay.addresses.map((host): 4 | 6 => (isIPv4(host) ? 4 : 6)));
  const all = listeners.map((url) => parseListenerUrl(url));
  let shown = false;
  // One after the other, so that the lines come in order and probes do not meet the caps together.
  for (const [i, url] of listeners.entries()) {
    // oxlint-disable-next-line no-await-in-loop
    const answers = await checkListener(url, all[i]!, all, running, report);
    const certificate = answers[0]?.certificate;
    if (certificate !== undefined) {
      shown = true;
      checkCertificate(url, certificate, namesOf(url, turn), systemClock.wall(), report);
    }
    if (turnSecret === undefined) continue;
    for (const { at } of answers) {
      for (const family of families) {
        // oxlint-disable-next-line no-await-in-loop
        await checkRelay(url, at, family, turnSecret, report);
      }
    }
  }
  if (!shown) checkCertificateFile(config, report);
  for (const url of discoveryUrls(config, listeners)) {
    // oxlint-disable-next-line no-await-in-loop
    await checkListener(url, parseListenerUrl(url), all, running, report);
  }
}

interface Answer extends BindingAnswer {
  /** Where it was asked. */
  readonly at: ListenerUrl;
}

/** Of a wildcard for both families there are two, or none where it does not answer. */
async function checkListener(
  url: string,
  listener: ListenerUrl,
  all: readonly ListenerUrl[],
  running: boolean,
  report: Report,
): Promise<Answer[]> {
  const { transport } = listener;
  if (transport === 'dtls') {
    const reason = await whyNoOpenssl();
    if (reason !== undefined) {
      const fix = 'run another build of Node, or leave dtls:// out of turn.listeners';
      report.fail('stun', `${url} can neither be served nor asked, ${reason}`, fix);
      return [];
    }
  }
  const answers: Answer[] = [];
  for (const at of reachableAt(listener, all)) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- the lines come in order
      const answer = await probeBinding(at);
      report.ok('stun', `${url} answers, we are ${answer.mapped}`);
      answers.push({ ...answer, at });
    } catch (error) {
      if (!running) {
        // oxlint-disable-next-line no-await-in-loop -- it returns
        await checkPort(url, listener, all, report);
        return answers;
      }
      const asked = at.host === listener.host ? url : `${url}, asked at ${at.host}`;
      report.fail('stun', `${asked}: ${messageOf(error)}`, UNREACHED[transport]);
    }
  }
  return answers;
}

/** Whether a server that does not run could have it. */
async function checkPort(
  url: string,
  listener: ListenerUrl,
  all: readonly ListenerUrl[],
  report: Report,
): Promise<void> {
  const { transport, host, port } = listener;
  const problemAt = transport === 'tcp' || transport === 'tls' ? tcpProblem : udpProblem;
  const problem = await problemAt(host, port, isDualStack(listener, all));
  if (problem === undefined) report.ok('stun', `${url} is free`);
  else report.fail('stun', `${url}: ${problem}`, 'set turn.listeners');
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
    report.ok(name, `relayed there and back by ${at.transport}, between ${relays.join(' and ')}`);
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
