// Asks a TURN server what a client would: a Binding, and a whole round trip between two of its relays (RFC
// 8656 s3).
// Called by: the doctor.

import type { X509Certificate } from 'node:crypto';
import type { ListenerUrl } from '../../shared/config/network-values.ts';
import { longTermKey } from '../../shared/stun/credentials.ts';
import type { StunReader } from '../../shared/stun/reader.ts';
import {
  ATTR_DATA,
  ATTR_ERROR_CODE,
  ATTR_LIFETIME,
  ATTR_NONCE,
  ATTR_REALM,
  ATTR_REQUESTED_ADDRESS_FAMILY,
  ATTR_REQUESTED_TRANSPORT,
  ATTR_USERNAME,
  ATTR_XOR_MAPPED_ADDRESS,
  ATTR_XOR_PEER_ADDRESS,
  ATTR_XOR_RELAYED_ADDRESS,
  CLASS_ERROR,
  METHOD_ALLOCATE,
  METHOD_BINDING,
  METHOD_CREATE_PERMISSION,
  METHOD_REFRESH,
  METHOD_SEND,
  PASSWORD_ALGORITHM_MD5,
} from '../../shared/stun/registry.ts';
import type { StunWriter } from '../../shared/stun/writer.ts';
import { TransportAddress } from '../../shared/net/transport-address.ts';
import type { RestCredential } from '../../turn/credentials.ts';
import { StunClient } from './stun-client.ts';

/** RFC 8656 s18.8: the protocol number of UDP. */
const UDP = 17;
const FAMILY = { 4: 0x01, 6: 0x02 } as const;

export interface BindingAnswer {
  /** Our address as the server sees it. */
  readonly mapped: string;
  /** What it has shown, over TLS and DTLS. */
  readonly certificate: X509Certificate | undefined;
}

/** @throws NoAnswer, Error */
export async function probeBinding(server: ListenerUrl): Promise<BindingAnswer> {
  const client = await StunClient.open(server);
  try {
    const answer = await client.request(METHOD_BINDING, (writer) => writer.fingerprint());
    refuseError(answer);
    const mapped = addressIn(answer, ATTR_XOR_MAPPED_ADDRESS).toString();
    return { mapped, certificate: client.certificate };
  } finally {
    client.close();
  }
}

/** Sends a packet from one relay to another and back; returns their addresses. @throws NoAnswer, Error */
export async function probeRelay(
  server: ListenerUrl,
  family: 4 | 6,
  credential: RestCredential,
): Promise<[string, string]> {
  const a = await Relay.allocate(server, family, credential);
  try {
    const b = await Relay.allocate(server, family, credential);
    try {
      // Where all relays share one port, each is all peers that it has here.
      const peer = a.relayed.equals(b.relayed) ? a : b;
      await a.open(peer);
      await peer.open(a);
      await a.send(peer, 'there');
      await peer.send(a, 'and back');
      return [a.relayed.toString(), b.relayed.toString()];
    } finally {
      await b.release();
    }
  } finally {
    await a.release();
  }
}

class Relay {
  readonly relayed: TransportAddress;
  readonly #client: StunClient;
  readonly #authenticate: (writer: StunWriter) => void;

  private constructor(
    client: StunClient,
    authenticate: (writer: StunWriter) => void,
    relayed: TransportAddress,
  ) {
    this.#client = client;
    this.#authenticate = authenticate;
    this.relayed = relayed;
  }

  static async allocate(
    server: ListenerUrl,
    family: 4 | 6,
    { username, credential }: RestCredential,
  ): Promise<Relay> {
    const client = await StunClient.open(server);
    try {
      const ask = (writer: StunWriter): void => {
        writer.u8(ATTR_REQUESTED_TRANSPORT, UDP).u8(ATTR_REQUESTED_ADDRESS_FAMILY, FAMILY[family]);
      };
      const challenge = await client.request(METHOD_ALLOCATE, ask);
      const realm = challenge.text(challenge.find(ATTR_REALM));
      const nonce = challenge.text(challenge.find(ATTR_NONCE));
      if (realm === undefined || nonce === undefined) throw new Error('it did not ask who we are');
      const key = longTermKey(PASSWORD_ALGORITHM_MD5, username, realm, credential);
      const authenticate = (writer: StunWriter): void => {
        writer.text(ATTR_USERNAME, username).text(ATTR_REALM, realm).text(ATTR_NONCE, nonce);
        writer.integrity(key);
      };
      const answer = await client.request(METHOD_ALLOCATE, (writer) => {
        ask(writer);
        authenticate(writer);
      });
      refuseError(answer);
      return new Relay(client, authenticate, addressIn(answer, ATTR_XOR_RELAYED_ADDRESS));
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /**
   * Resolves when data of the peer is let in. Where relays share ports it is let in once data went out, which may be
   * lost: the second answer is behind it.
   */
  async open(peer: Relay): Promise<void> {
    await this.#permit(peer);
    this.#indicate(peer, '');
    await this.#permit(peer);
  }

  /** Resolves when the other relay's client has received it. */
  async send(to: Relay, text: string): Promise<void> {
    let arrived = to.#client.nextData();
    this.#indicate(to, text);
    for (;;) {
      // oxlint-disable-next-line eslint/no-await-in-loop -- what opened the way may come late
      const indication = await arrived;
      const payload = indication.text(indication.find(ATTR_DATA));
      if (payload === text) return;
      if (payload !== '') throw new Error('what was relayed came out changed');
      arrived = to.#client.nextData();
    }
  }

  async #permit({ relayed }: Relay): Promise<void> {
    const answer = await this.#client.request(METHOD_CREATE_PERMISSION, (writer) => {
      writer.xorAddress(ATTR_XOR_PEER_ADDRESS, relayed);
      this.#authenticate(writer);
    });
    refuseError(answer);
  }

  #indicate({ relayed }: Relay, text: string): void {
    const payload = Buffer.from(text);
    this.#client.indicate(METHOD_SEND, (writer) => {
      writer.xorAddress(ATTR_XOR_PEER_ADDRESS, relayed);
      writer.data(ATTR_DATA, payload, 0, payload.length);
    });
  }

  /** One that is not answered expires by itself. */
  async release(): Promise<void> {
    const end = this.#client.request(METHOD_REFRESH, (writer) => {
      writer.u32(ATTR_LIFETIME, 0);
      this.#authenticate(writer);
    });
    await end.catch(() => {});
    this.#client.close();
  }
}

function refuseError(answer: StunReader): void {
  if (answer.messageClass !== CLASS_ERROR) return;
  throw new Error(`it answers ${answer.errorCode(answer.find(ATTR_ERROR_CODE))}`);
}

function addressIn(answer: StunReader, type: number): TransportAddress {
  const address = new TransportAddress();
  if (answer.xorAddress(answer.find(type), address)) return address;
  throw new Error('its answer lacks the address');
}
