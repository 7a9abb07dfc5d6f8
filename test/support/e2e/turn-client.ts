// A TURN client with RFC 8489's newer credentials (USERHASH, PASSWORD-ALGORITHM SHA-256, MESSAGE-INTEGRITY-SHA256): no
// client program that Debian or npm has uses all of them. Every answer must be signed with the same key.

import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import type { Endpoint } from './sterna.ts';
import {
  addressOfXor,
  ATTR,
  buildStun,
  errorCodeOf,
  hasIntegritySha256,
  integritySha256,
  parseStun,
  sha256Key,
  TYPE,
  xorAddress,
} from './stun-message.ts';
import type { StunMessage } from './stun-message.ts';

type Attributes = (readonly [type: number, value: Buffer])[];

const ANSWER_WITHIN_MS = 5000;
const UDP = Buffer.from([17, 0, 0, 0]);
/** RFC 8489 s18.5.1.2: no parameters. */
const SHA256 = Buffer.from([0, 2, 0, 0]);

export class Sha256TurnClient {
  readonly #server: Endpoint;
  readonly #user: string;
  readonly #password: string;
  readonly #socket: Socket = createSocket('udp4');
  #credentials: Attributes = [];
  #key: Buffer = Buffer.alloc(0);

  /** `server` has an IPv4 address. */
  constructor(server: Endpoint, user: string, password: string) {
    this.#server = server;
    this.#user = user;
    this.#password = password;
  }

  /** The relayed transport address. */
  async allocate(): Promise<Endpoint> {
    const challenge = await this.#ask(TYPE.ALLOCATE_REQUEST, [[ATTR.REQUESTED_TRANSPORT, UDP]]);
    if (errorCodeOf(challenge) !== 401) throw new Error('expected 401 before credentials');
    const value = (type: number): Buffer => {
      const found = challenge.attributes.get(type);
      if (found === undefined) throw new Error(`the 401 has no attribute ${type}`);
      return found;
    };
    const realm = value(ATTR.REALM).toString();
    this.#key = sha256Key(this.#user, realm, this.#password);
    this.#credentials = [
      [ATTR.USERHASH, createHash('sha256').update(`${this.#user}:${realm}`).digest()],
      [ATTR.REALM, value(ATTR.REALM)],
      [ATTR.NONCE, value(ATTR.NONCE)],
      [ATTR.PASSWORD_ALGORITHMS, value(ATTR.PASSWORD_ALGORITHMS)],
      [ATTR.PASSWORD_ALGORITHM, SHA256],
    ];
    const created = await this.#request(TYPE.ALLOCATE_REQUEST, [[ATTR.REQUESTED_TRANSPORT, UDP]]);
    return addressOfXor(created.attributes.get(ATTR.XOR_RELAYED_ADDRESS) ?? Buffer.alloc(8));
  }

  async permit({ host, port }: Endpoint): Promise<void> {
    const peer = xorAddress(host, port);
    await this.#request(TYPE.CREATE_PERMISSION_REQUEST, [[ATTR.XOR_PEER_ADDRESS, peer]]);
  }

  /** Sends through the relay and resolves with what the peer sends back. */
  async echo({ host, port }: Endpoint, data: Buffer): Promise<Buffer> {
    const answer = this.#next(({ type }) => type === TYPE.DATA_INDICATION);
    const attributes: Attributes = [
      [ATTR.XOR_PEER_ADDRESS, xorAddress(host, port)],
      [ATTR.DATA, data],
    ];
    this.#send(buildStun(TYPE.SEND_INDICATION, randomBytes(12), attributes));
    return (await answer).attributes.get(ATTR.DATA) ?? Buffer.alloc(0);
  }

  close(): void {
    this.#socket.close();
  }

  async #request(type: number, attributes: Attributes): Promise<StunMessage> {
    const answer = await this.#ask(type, [...attributes, ...this.#credentials]);
    if (errorCodeOf(answer) !== undefined) throw new Error(`refused: ${errorCodeOf(answer)}`);
    if (!hasIntegritySha256(answer, this.#key))
      throw new Error('the answer is not signed by SHA-256');
    return answer;
  }

  async #ask(type: number, attributes: Attributes): Promise<StunMessage> {
    const transaction = randomBytes(12);
    const unsigned = buildStun(type, transaction, attributes);
    const signature: Attributes =
      this.#key.length === 0
        ? []
        : [[ATTR.MESSAGE_INTEGRITY_SHA256, integritySha256(unsigned, this.#key)]];
    const answer = this.#next((message) => message.transaction === transaction.toString('hex'));
    this.#send(buildStun(type, transaction, [...attributes, ...signature]));
    return answer;
  }

  #send(message: Buffer): void {
    this.#socket.send(message, this.#server.port, this.#server.host);
  }

  #next(wanted: (message: StunMessage) => boolean): Promise<StunMessage> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no answer')), ANSWER_WITHIN_MS);
      const onMessage = (datagram: Buffer): void => {
        const message = parseStun(datagram);
        if (message === undefined || !wanted(message)) return;
        clearTimeout(timer);
        this.#socket.off('message', onMessage);
        resolve(message);
      };
      this.#socket.on('message', onMessage);
    });
  }
}
