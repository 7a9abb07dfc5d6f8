// A way to a STUN server for the doctor: whole messages there and back, over UDP, TCP, TLS or DTLS (RFC 8489 s6.2).
// Called by: StunClient. A server's certificate is not verified here: whether it is in order is for the doctor to say.

import type { X509Certificate } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, isIPv4, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import type { ListenerUrl } from '../../shared/config/network-values.ts';

const CONNECT_MS = 2500;

/** RFC 8489 s5: what follows the header has its length in the third and fourth byte. */
const HEADER_BYTES = 20;

export interface StunChannel {
  /** What the server has shown, over TLS and DTLS. */
  readonly certificate: X509Certificate | undefined;
  send(message: Uint8Array): void;
  close(): void;
}

/** Rejects where nobody is there. `onMessage` gets whatever comes, whole. */
export async function openChannel(
  { transport, host, port }: ListenerUrl,
  onMessage: (bytes: Buffer) => void,
): Promise<StunChannel> {
  if (transport === 'dtls') {
    // Loaded here, since not every Node lets its OpenSSL be called.
    const { openDtlsChannel } = await import('./dtls-channel.ts');
    return openDtlsChannel({ host, port }, onMessage);
  }
  if (transport === 'tcp') return overStream(connect({ host, port }), 'connect', onMessage);
  if (transport === 'tls') {
    const socket = connectTls({
      host,
      port,
      rejectUnauthorized: false,
      ALPNProtocols: ['stun.turn'],
    });
    return overStream(socket, 'secureConnect', onMessage);
  }
  return overUdp(host, port, onMessage);
}

async function overUdp(
  host: string,
  port: number,
  onMessage: (bytes: Buffer) => void,
): Promise<StunChannel> {
  const socket = createSocket(isIPv4(host) ? 'udp4' : 'udp6');
  socket.on('message', onMessage);
  // An ICMP "port unreachable" shows as an error; the time-out tells the story.
  socket.on('error', () => {});
  const connected = once(socket, 'connect');
  socket.connect(port, host);
  await connected;
  return {
    certificate: undefined,
    send: (message) => socket.send(message, () => {}),
    close: () => socket.close(),
  };
}

async function overStream(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  onMessage: (bytes: Buffer) => void,
): Promise<StunChannel> {
  try {
    await once(socket, event, { signal: AbortSignal.timeout(CONNECT_MS) });
  } catch (error) {
    socket.destroy();
    throw error instanceof Error && error.name === 'AbortError' ? new Error('no answer') : error;
  }
  // Whoever waits for an answer is told by the time-out.
  socket.on('error', () => {});
  let waiting = Buffer.alloc(0);
  socket.on('data', (data: Buffer) => {
    waiting = Buffer.concat([waiting, data]);
    while (waiting.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + waiting.readUInt16BE(2);
      if (waiting.length < end) return;
      onMessage(waiting.subarray(0, end));
      waiting = waiting.subarray(end);
    }
  });
  return {
    certificate: socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined,
    send: (message) => socket.write(message),
    close: () => socket.destroy(),
  };
}
