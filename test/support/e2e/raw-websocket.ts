// A WebSocket by hand: the handshake as text and the frames as bytes (RFC 6455), over a plain TCP socket.

import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

/** RFC 6455 s1.3. */
const ACCEPT_SALT = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const OPCODE_TEXT = 1;
const OPCODE_CLOSE = 8;
const ANSWER_WITHIN_MS = 5000;

export interface Frame {
  opcode: number;
  payload: Buffer;
}

export class RawWebSocket {
  readonly #socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #arrived: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#arrived();
    });
    socket.on('close', () => this.#arrived());
    socket.on('error', () => {});
  }

  /** Resolves when the server has switched protocols; rejects with its answer when it has not. */
  static async open(port: number, path: string, subprotocol: string): Promise<RawWebSocket> {
    const socket = connect(port, '127.0.0.1');
    const raw = new RawWebSocket(socket);
    const key = randomBytes(16).toString('base64');
    socket.write(
      [
        `GET ${path} HTTP/1.1`,
        `Host: 127.0.0.1:${port}`,
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        `Sec-WebSocket-Key: ${key}`,
        `Sec-WebSocket-Protocol: ${subprotocol}`,
        '\r\n',
      ].join('\r\n'),
    );
    const head = await raw.#take((bytes) => {
      const end = bytes.indexOf('\r\n\r\n');
      return end < 0 ? undefined : end + 4;
    });
    const accept = createHash('sha1').update(`${key}${ACCEPT_SALT}`).digest('base64');
    const lines = head.toString('latin1').split('\r\n');
    const holds = (line: string): boolean =>
      lines.some((other) => other.toLowerCase() === line.toLowerCase());
    if (
      lines[0] === 'HTTP/1.1 101 Switching Protocols' &&
      holds(`Sec-WebSocket-Accept: ${accept}`) &&
      holds(`Sec-WebSocket-Protocol: ${subprotocol}`)
    ) {
      return raw;
    }
    socket.destroy();
    throw new Error(head.toString('latin1'));
  }

  /** A masked text frame of up to 65,535 bytes. */
  send(message: object): void {
    const payload = Buffer.from(JSON.stringify(message));
    const mask = randomBytes(4);
    const masked = payload.map((byte, at) => byte ^ (mask[at % 4] ?? 0));
    const short = payload.length < 126;
    const header = Buffer.alloc(short ? 2 : 4);
    header.writeUInt8(0x80 | OPCODE_TEXT, 0);
    header.writeUInt8(0x80 | (short ? payload.length : 126), 1);
    if (!short) header.writeUInt16BE(payload.length, 2);
    this.#socket.write(Buffer.concat([header, mask, masked]));
  }

  /** The next frame, which may be a close. */
  async frame(): Promise<Frame> {
    const header = await this.#take((bytes) => {
      if (bytes.length < 2) return undefined;
      return bytes.readUInt8(1) === 126 ? 4 : 2;
    });
    const length = header.length === 4 ? header.readUInt16BE(2) : header.readUInt8(1);
    return { opcode: header.readUInt8(0) & 0x0f, payload: await this.#take(() => length) };
  }

  /** The next message; throws when the server closes instead. */
  async message(): Promise<Record<string, unknown>> {
    const { opcode, payload } = await this.frame();
    if (opcode !== OPCODE_TEXT) throw new Error(`not a text frame: ${opcode}`);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every message is an object
    return JSON.parse(payload.toString()) as Record<string, unknown>;
  }

  /** The code of the close that comes next. */
  async closeCode(): Promise<number> {
    const { opcode, payload } = await this.frame();
    if (opcode !== OPCODE_CLOSE) throw new Error(`not a close: ${payload.toString()}`);
    return payload.readUInt16BE(0);
  }

  end(): void {
    this.#socket.destroy();
  }

  /** The first bytes, as many as `size` says; waits while it cannot say or says more than there is. */
  async #take(size: (bytes: Buffer) => number | undefined): Promise<Buffer> {
    const until = Date.now() + ANSWER_WITHIN_MS;
    for (;;) {
      const wanted = size(this.#bytes);
      if (wanted !== undefined && wanted <= this.#bytes.length) {
        const taken = this.#bytes.subarray(0, wanted);
        this.#bytes = this.#bytes.subarray(wanted);
        return taken;
      }
      if (this.#socket.destroyed || Date.now() > until) {
        throw new Error(`no answer: ${this.#bytes.toString('latin1')}`);
      }
      // oxlint-disable-next-line no-await-in-loop
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 100);
        this.#arrived = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
