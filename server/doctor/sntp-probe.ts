// How far this machine's clock is from that of a time server: one question of SNTP (RFC 4330, RFC 5905 s14).
// Called by: the doctor.

import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';

const PORT = 123;
const ANSWER_MS = 2000;
const MESSAGE_BYTES = 48;
/** RFC 5905 s7.3: no warning, version 4, a client asks. */
const CLIENT = 0x23;
const MODE = 0x07;
const SERVER = 4;
/** Where the times are, 64 bits each. */
const ORIGIN = 24;
const RECEIVED = 32;
const SENT = 40;
/** From 1900, where NTP's era 0 begins, to 1970; and the length of an era: seconds. */
const TO_UNIX = 2_208_988_800;
const ERA = 2 ** 32;

/**
 * What has to be added to this clock to be right, milliseconds.
 * @param wall Unix time, milliseconds
 */
export async function clockOffset(server: string, wall: () => number): Promise<number> {
  const { host, port } = parseServer(server);
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  // What is sent as the time is told back: nobody who does not see the question can answer it.
  const cookie = randomBytes(8);
  const question = Buffer.alloc(MESSAGE_BYTES);
  question[0] = CLIENT;
  cookie.copy(question, SENT);
  try {
    const asked = wall();
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no answer')), ANSWER_MS);
      socket.once('close', () => clearTimeout(timer));
      socket.on('error', reject);
      socket.on('message', (message) => {
        if (isAnswer(message, cookie)) resolve(message);
      });
      socket.send(question, port, host, (error) => {
        if (error !== null) reject(error);
      });
    });
    const heard = wall();
    return (unixMs(answer, RECEIVED) - asked + (unixMs(answer, SENT) - heard)) / 2;
  } finally {
    socket.close();
  }
}

/** `host`, `host:port` or `[::1]:port`. */
function parseServer(text: string): { host: string; port: number } {
  const [, bracketed, name = text, port] = /^(?:\[(.+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? [];
  return { host: bracketed ?? name, port: port === undefined ? PORT : Number(port) };
}

/** RFC 4330 s5: a server's answer to this question, from a server that knows the time (stratum 1 to 15). */
function isAnswer(message: Buffer, cookie: Buffer): boolean {
  if (message.length < MESSAGE_BYTES) return false;
  const stratum = message[1] ?? 0;
  return (
    ((message[0] ?? 0) & MODE) === SERVER &&
    stratum >= 1 &&
    stratum <= 15 &&
    message.subarray(ORIGIN, ORIGIN + 8).equals(cookie)
  );
}

function unixMs(message: Buffer, at: number): number {
  const seconds = message.readUInt32BE(at);
  // RFC 4330 s3: with the highest bit clear it is of the era that begins in 2036.
  const era = seconds < 0x8000_0000 ? ERA : 0;
  return (seconds + era - TO_UNIX) * 1000 + (message.readUInt32BE(at + 4) / ERA) * 1000;
}
