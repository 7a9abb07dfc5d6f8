// node-datachannel (libjuice) as an independent TURN client, and a client for what libjuice does not do as one:
// USERHASH, SHA-256 keys and MESSAGE-INTEGRITY-SHA256. What they and the server said to each other is looked at.
// Relays are on 127.0.0.2 and clients on 127.0.0.1, so that a permission for a relay lets nothing else through.

import { PeerConnection } from 'node-datachannel';
import type { IceServer } from 'node-datachannel';
import { afterEach, describe, expect, test } from 'vitest';
import { mintRestCredential } from '../../turn/index.ts';
import { EchoPeer } from '../support/e2e/coturn.ts';
import { Sterna } from '../support/e2e/sterna.ts';
import {
  ATTR,
  hasIntegritySha256,
  isRequest,
  sha256Key,
  TYPE,
} from '../support/e2e/stun-message.ts';
import { StunTap } from '../support/e2e/stun-tap.ts';
import { Sha256TurnClient } from '../support/e2e/turn-client.ts';

const REALM = 'meet.example.org';
const USER = 'ada';
const PASSWORD = 'a password';
const SECRET = 'shared-secret';
const MESSAGES = 100;

const config = (turn: Record<string, unknown>): Record<string, unknown> => ({
  turn: {
    realm: REALM,
    listeners: ['udp://127.0.0.1:0'],
    relay: { addresses: ['127.0.0.2'] },
    ...turn,
  },
});

let sterna: Sterna;
let tap: StunTap;

async function start(turn: Record<string, unknown>): Promise<void> {
  sterna = await Sterna.start({ config: config(turn) });
  tap = await StunTap.start(sterna.listener(4));
}

afterEach(async () => {
  tap?.stop();
  await sterna?.stop();
});

interface Meeting {
  received: string[];
  /** Of each side: type of its own candidate and of the other's. */
  paths: string[][];
}

/** Two peers with the relay alone: one sends messages, the other sends them back. */
async function meet(username: string, password: string): Promise<Meeting> {
  const server: IceServer = {
    hostname: '127.0.0.1',
    port: tap.endpoint.port,
    username,
    password,
    relayType: 'TurnUdp',
  };
  const options = { iceServers: [server], iceTransportPolicy: 'relay' as const };
  const a = new PeerConnection('a', options);
  const b = new PeerConnection('b', options);
  try {
    connect(a, b);
    connect(b, a);
    const received: string[] = [];
    await new Promise<void>((resolve, reject) => {
      const giveUp = setTimeout(() => reject(new Error('nothing came over the relay')), 20_000);
      b.onDataChannel((channel) => {
        channel.onMessage((message) => channel.sendMessage(`${textOf(message)} back`));
      });
      const channel = a.createDataChannel('proof');
      channel.onOpen(() => {
        for (let n = 0; n < MESSAGES; n++) channel.sendMessage(`message ${n}`);
      });
      channel.onMessage((message) => {
        received.push(textOf(message));
        if (received.length < MESSAGES) return;
        clearTimeout(giveUp);
        resolve();
      });
    });
    const paths = [a, b].map((peer) => {
      const pair = peer.getSelectedCandidatePair();
      return [pair?.local.type ?? 'none', pair?.remote.type ?? 'none'];
    });
    return { received, paths };
  } finally {
    a.close();
    b.close();
  }
}

const textOf = (message: string | Buffer | ArrayBuffer): string =>
  typeof message === 'string' ? message : Buffer.from(message as ArrayBuffer).toString();

/** Brings what `from` says to `to`: candidates only after the description. */
function connect(from: PeerConnection, to: PeerConnection): void {
  let described = false;
  const early: [string, string][] = [];
  from.onLocalDescription((sdp, type) => {
    to.setRemoteDescription(sdp, type);
    described = true;
    for (const [candidate, mid] of early) to.addRemoteCandidate(candidate, mid);
  });
  from.onLocalCandidate((candidate, mid) => {
    if (described) to.addRemoteCandidate(candidate, mid);
    else early.push([candidate, mid]);
  });
}

const everyMessage = Array.from({ length: MESSAGES }, (_, n) => `message ${n} back`);
const relayOnBothSides = [
  ['relay', 'relay'],
  ['relay', 'relay'],
];

describe('data channels of node-datachannel through the relay alone', () => {
  test('with static users it hides its name behind USERHASH', async () => {
    await start({ users: { [USER]: PASSWORD } });
    const { received, paths } = await meet(USER, PASSWORD);
    expect(received).toEqual(everyMessage);
    expect(paths).toEqual(relayOnBothSides);
    const authenticated = tap.messages.filter(
      ({ type, attributes }) => isRequest(type) && attributes.has(ATTR.MESSAGE_INTEGRITY),
    );
    expect(new Set(authenticated.map(({ type }) => type))).toEqual(
      new Set([TYPE.ALLOCATE_REQUEST, TYPE.CREATE_PERMISSION_REQUEST, TYPE.CHANNEL_BIND_REQUEST]),
    );
    for (const { attributes } of authenticated) {
      expect(attributes.get(ATTR.USERHASH)).toHaveLength(32);
      expect(attributes.has(ATTR.USERNAME)).toBe(false);
    }
    expect(tap.messages.some(({ bytes }) => bytes.includes(USER))).toBe(false);
  });

  test('with a REST secret names are sent, since the server cannot list them', async () => {
    await start({ secrets: [SECRET] });
    const { username, credential } = mintRestCredential(SECRET, USER, Date.now() / 1000 + 600);
    const { received, paths } = await meet(username, credential);
    expect(received).toEqual(everyMessage);
    expect(paths).toEqual(relayOnBothSides);
    const allocated = tap
      .ofType(TYPE.ALLOCATE_REQUEST)
      .filter((request) => tap.answerTo(request)?.type === TYPE.ALLOCATE_SUCCESS)
      .filter(({ attributes }) => attributes.has(ATTR.MESSAGE_INTEGRITY));
    expect(allocated.map(({ attributes }) => attributes.get(ATTR.USERNAME)?.toString())).toEqual([
      username,
      username,
    ]);
    const created = await sterna.waitForEvents('allocation.created', 2);
    expect(created.map(({ user }) => user)).toEqual([USER, USER]);
  });
});

describe('SHA-256 credentials', () => {
  test('a client with USERHASH and SHA-256 alone relays, and every answer is signed by SHA-256', async () => {
    await start({ users: { [USER]: PASSWORD }, peers: { allow: ['127.0.0.1/32'] } });
    const peer = await EchoPeer.start();
    const client = new Sha256TurnClient(tap.endpoint, USER, PASSWORD);
    try {
      const relayed = await client.allocate();
      expect(relayed.host).toBe('127.0.0.2');
      const echo = { host: '127.0.0.1', port: peer.port };
      await client.permit(echo);
      const data = Buffer.from('through the relay');
      expect(await client.echo(echo, data)).toEqual(data);
    } finally {
      client.close();
      await peer.stop();
    }
    const key = sha256Key(USER, REALM, PASSWORD);
    const signed = tap.messages.filter(({ attributes }) => attributes.has(ATTR.NONCE)).slice(1);
    expect(signed.map(({ type }) => type)).toEqual([
      TYPE.ALLOCATE_REQUEST,
      TYPE.CREATE_PERMISSION_REQUEST,
    ]);
    for (const request of signed) {
      expect(request.attributes.get(ATTR.PASSWORD_ALGORITHM)?.toString('hex')).toBe('00020000');
      const answer = tap.answerTo(request);
      expect(answer?.attributes.has(ATTR.MESSAGE_INTEGRITY)).toBe(false);
      expect(answer !== undefined && hasIntegritySha256(answer, key)).toBe(true);
    }
  });

  test('a wrong password is refused with 401', async () => {
    await start({ users: { [USER]: PASSWORD } });
    const client = new Sha256TurnClient(tap.endpoint, USER, 'another');
    try {
      await expect(client.allocate()).rejects.toThrow('refused: 401');
    } finally {
      client.close();
    }
  });
});
